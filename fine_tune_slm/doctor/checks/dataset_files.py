"""Whether the dataset on this machine could be published."""

from __future__ import annotations

from fine_tune_slm.dataset_check import check_dataset
from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok


def look_at_dataset_files(context: Context) -> Finding:
    """Return whether every line of the dataset can be used; no note is shown."""
    directory = context.request.dataset
    checked = check_dataset(directory)
    if checked.problems:
        remedy = f"fine-tune-slm dataset check {directory} names each."
        return fail(f"{directory} has {len(checked.problems)} problem(s)", remedy)
    return ok(f"{sum(file.records for file in checked.files):,} records without a problem")
