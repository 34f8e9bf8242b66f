"""A release from before the runs of a world: archived, on the Hub's main, and named by the pointer."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from slm_core.layout import RunKeys, release_key
from slm_core.records import BaseModelRef, Release, ReleaseHistory, RunSpec

from fine_tune_slm.localcloud.hub.store import Access, Change, File, is_lfs_content, lfs_file
from tests.faults.world.artifacts import metrics, staged_files
from tests.faults.world.host import digest
from tests.faults.world.world import DATASET_SHA256, World

EARLIER = "earlier"
LEFT_OUT_SINCE = "adapter_config.json.bak"


def publish_earlier(world: World, f1: float) -> None:
    """Let the world begin with a release of this macro-F1; it has a file that the releases after it do not have."""
    run_id = world.execution_name(EARLIER)
    spec = RunSpec.model_construct(
        run_id=run_id,
        fence=1,
        git_commit="0123abc",
        dataset_sha256=DATASET_SHA256,
        base_model=BaseModelRef(repo_id="a/base", revision="b" * 40),
        image="an-image",
    )
    published_at = world.timeline.now - timedelta(days=1)
    files = staged_files(spec, published_at, f1, {LEFT_OUT_SINCE: b"{}"})
    for path, content in files.items():
        _put(world, f"{RunKeys(run_id).archive}{path}", content)
    measured = metrics(run_id, f1)
    release = Release(
        run_id=run_id,
        revision=_commit(world, files),
        macro_f1=f1,
        samples=measured["after"]["samples"],
        validation_sha256=measured["validation_sha256"],
        published_at=published_at,
    )
    history = ReleaseHistory(repo_id=world.repo, releases=(release,))
    _put(world, release_key(world.repo), history.model_dump_json(indent=2).encode())


def _put(world: World, key: str, content: bytes) -> None:
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(world.bucket, key, content)


def _commit(world: World, files: dict[str, bytes]) -> str:
    store = world.account.hub.store
    store.create(world.repo, Access(is_private=True, is_gated=False))
    added = {path: _file(world, path, content) for path, content in files.items()}
    return store.commit(world.repo, "main", "an earlier run", Change(added, frozenset(), frozenset(), parent=None))


def _file(world: World, path: str, content: bytes) -> File:
    stored = world.account.hub.store.add_blob(io.BytesIO(content), len(content))
    if stored is None or is_lfs_content(path, len(content), content):
        return lfs_file(path, digest(content), len(content))
    return replace(stored, path=path)
