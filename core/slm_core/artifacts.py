"""From staging to the archive: every file verified, the manifest last, so that a reader finds all or nothing."""

from __future__ import annotations

import hashlib

from pydantic import ValidationError

from slm_core.errors import ArchiveConflictError, ArtifactCorruptError
from slm_core.layout import MANIFEST_NAME, RunKeys, s3_uri
from slm_core.records import Manifest, ManifestFile
from slm_core.state import ArchiveState
from slm_core.store import ObjectStore


def archive(store: ObjectStore, keys: RunKeys) -> ArchiveState:
    """Return where the archive lies after promoting every staged file to it; doing it twice changes nothing.

    Raises: ArtifactCorruptError naming the file; ArchiveConflictError when another archive has this run's id.
    """
    content = store.read(keys.staged_manifest)
    if content is None:
        raise ArtifactCorruptError(f"{keys.staged_manifest} does not exist")
    manifest = _parse(content, keys.staged_manifest, keys.run_id)
    _require_same(store.read(keys.archive_manifest) or content, content, keys)
    for file in manifest.files:
        _promote(store, keys, file)
    if not store.put_once(keys.archive_manifest, content):
        _require_same(store.read(keys.archive_manifest), content, keys)
    return ArchiveState(
        uri=s3_uri(store.bucket, keys.archive),
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        files=len(manifest.files),
        size_bytes=sum(file.size_bytes for file in manifest.files),
    )


def read_manifest(store: ObjectStore, keys: RunKeys) -> Manifest:
    """Return the archive's manifest.

    Raises: ArtifactCorruptError.
    """
    content = store.read(keys.archive_manifest)
    if content is None:
        raise ArtifactCorruptError(f"{keys.archive_manifest} does not exist")
    return _parse(content, keys.archive_manifest, keys.run_id)


def digest_of(manifest: Manifest, path: str) -> str:
    """Return the digest that the manifest names for a file.

    Raises: ArtifactCorruptError when it names none.
    """
    found = [file.sha256 for file in manifest.files if file.path == path]
    if not found:
        raise ArtifactCorruptError(f"The manifest of run {manifest.run_id} does not name {path}")
    return found[0]


def _promote(store: ObjectStore, keys: RunKeys, file: ManifestFile) -> None:
    source, target = f"{keys.staged_artifacts}{file.path}", f"{keys.archive}{file.path}"
    if store.sha256(target) == file.sha256:
        return
    if store.sha256(source) != file.sha256:
        raise ArtifactCorruptError(f"{source} is missing or is not what the manifest says")
    store.copy(source, target)
    if store.sha256(target) != file.sha256:
        raise ArtifactCorruptError(f"{target} is not what was copied to it")


def _require_same(found: bytes | None, wanted: bytes, keys: RunKeys) -> None:
    if found != wanted:
        raise ArchiveConflictError(f"{keys.archive_manifest} exists with other content")


def _parse(content: bytes, key: str, run_id: str) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError:
        raise ArtifactCorruptError(f"{key} does not hold a manifest") from None
    if manifest.run_id != run_id:
        raise ArtifactCorruptError(f"{key} is the manifest of another run")
    if MANIFEST_NAME in {file.path for file in manifest.files}:
        raise ArtifactCorruptError(f"{key} names itself")
    return manifest
