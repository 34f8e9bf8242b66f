"""Whether the published dataset is complete: every file that its manifest names, by its checksum."""

from __future__ import annotations

from slm_core.documents import require_dataset
from slm_core.layout import dataset_prefix
from slm_core.store import ObjectStore

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok

PUBLISH = "fine-tune-slm dataset publish synthetic-instruction-tuning-dataset"


def look_at_published_dataset(context: Context) -> Finding:
    """Return whether the bucket holds the dataset as it was published."""
    store = ObjectStore(context.setting("storage.bucket"), context.account.client("s3"))
    sha256 = context.setting("storage.dataset_sha256")
    manifest, prefix = require_dataset(store, sha256), dataset_prefix(sha256)
    wrong = [name for name, file in manifest.files.items() if store.sha256(f"{prefix}{name}") != file.sha256]
    if wrong:
        return fail(f"missing or changed in the bucket: {', '.join(wrong)}", f"Publish it again: {PUBLISH}")
    return ok(f"{sum(file.records for file in manifest.files.values()):,} records, all files as published")
