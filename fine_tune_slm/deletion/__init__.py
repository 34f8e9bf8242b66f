"""Deleting a stage: what there is, what goes, and what stays at which cost."""
