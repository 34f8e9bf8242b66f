"""The fault campaign: what the workflow does when things go wrong, one at a time, in pairs, and at random."""
