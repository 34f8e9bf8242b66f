"""One commit on the Hub that makes a repository's main branch equal to an archive, or to an earlier release again.

A commit is atomic and `parent_commit` refuses it when main has moved, so main is the old or the complete new release at
every moment. Why no branch that is merged later: docs/decisions/0012-one-commit-on-main.md.

The only module that imports huggingface_hub, and only inside its functions: one layer of one Lambda has it, and whoever
calls the command line's rollback.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from slm_core.artifacts import read_manifest
from slm_core.errors import (
    ArtifactCorruptError,
    FineTuneSlmError,
    HubTokenRefusedError,
    HubUnavailableError,
    PublishFailedError,
)
from slm_core.layout import MANIFEST_NAME, RunKeys
from slm_core.state import Publication
from slm_core.store import ObjectStore
from slm_core.training_config import Frozen

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_MAIN = "main"
_KEPT_BY_THE_HUB = {".gitattributes"}


class HubRepository(Frozen):
    """Where to publish, and with which token."""

    endpoint: str
    repo_id: str
    token: SecretStr
    is_private: bool


class _Digests(NamedTuple):
    """The two names that the Hub has for a file's content: LFS files by SHA-256, others as git blobs."""

    sha256: str
    git_blob: str


def publish(
    store: ObjectStore, keys: RunKeys, target: HubRepository, note: Callable[[Publication], object]
) -> Publication:
    """Return the revision of main that is equal to the archive; publishing it twice changes nothing.

    `note` hears of it as soon as main has moved: nothing that fails after that can leave it unknown.

    Raises: ArtifactCorruptError, HubTokenRefusedError, HubUnavailableError, PublishFailedError.
    """
    api = _api(target)
    with _scratch(keys.run_id) as directory, _leaf_errors(target.repo_id):
        files = _download(store, keys, directory)
        api.create_repo(target.repo_id, private=target.is_private, exist_ok=True)
        wanted = {path: _digests(file) for path, file in files.items()}
        revision = _commit(api, target.repo_id, files, wanted, keys.run_id)
        publication = Publication(repo_id=target.repo_id, revision=revision)
        note(publication)
        _verify(api, publication, wanted)
    return publication


def tag(target: HubRepository, publication: Publication, name: str) -> None:
    """Give a published revision a name; giving it twice changes nothing.

    Raises: HubTokenRefusedError, HubUnavailableError, PublishFailedError.
    """
    api = _api(target)
    with _leaf_errors(target.repo_id):
        api.create_tag(target.repo_id, tag=name, revision=publication.revision, exist_ok=True)


def main_equals(target: HubRepository, revision: str) -> bool:
    """Return whether main has the files of a revision, by their hashes.

    Raises: HubTokenRefusedError, HubUnavailableError, PublishFailedError.
    """
    api = _api(target)
    with _leaf_errors(target.repo_id):
        return _release_tree(api, target.repo_id, _MAIN) == _release_tree(api, target.repo_id, revision)


def restore(target: HubRepository, revision: str, message: str) -> str:
    """Return the commit with which main has the files of an earlier revision again; no new one when it has them.

    Raises: HubTokenRefusedError, HubUnavailableError, PublishFailedError.
    """
    from huggingface_hub import CommitOperationCopy, CommitOperationDelete  # noqa: PLC0415

    api, repo_id = _api(target), target.repo_id
    with _leaf_errors(repo_id):
        head = str(api.repo_info(repo_id).sha)
        present, wanted = _release_tree(api, repo_id, head), _release_tree(api, repo_id, revision)
        differing = sorted(path for path, digest in wanted.items() if present.get(path) != digest)
        superfluous = sorted(set(present) - set(wanted))
        if not differing and not superfluous:
            return head
        operations: list[CommitOperationCopy | CommitOperationDelete] = [
            # weights are not uploaded again: the Hub has them under their hash
            *(CommitOperationCopy(path, path, src_revision=revision) for path in differing),
            *(CommitOperationDelete(path_in_repo=path) for path in superfluous),
        ]
        commit = api.create_commit(repo_id, operations, commit_message=message, revision=_MAIN, parent_commit=head)
        if _release_tree(api, repo_id, commit.oid) != wanted:
            raise PublishFailedError(f"Commit {commit.oid} of {repo_id} is not equal to {revision}")
    return commit.oid


def _api(target: HubRepository) -> HfApi:
    from huggingface_hub import HfApi  # noqa: PLC0415  (only PublishModel has it)
    from huggingface_hub.utils import logging as hub_logging  # noqa: PLC0415

    # when it tries again it logs what the other side said, and nobody knows what that quotes
    hub_logging.set_verbosity(hub_logging.CRITICAL)
    return HfApi(endpoint=target.endpoint, token=target.token.get_secret_value())


@contextmanager
def _scratch(run_id: str) -> Iterator[Path]:
    """Give a directory; what a killed attempt of this run left behind would fill the disk of a warm function."""
    prefix = f"release-{run_id}-"
    for left_behind in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix) as directory:
        yield Path(directory)


def _download(store: ObjectStore, keys: RunKeys, directory: Path) -> dict[str, Path]:
    wanted = {file.path: file.sha256 for file in read_manifest(store, keys).files}
    files = {path: directory / path for path in (*wanted, MANIFEST_NAME)}
    for path, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        digest = store.download(f"{keys.archive}{path}", file)
        if digest != wanted.get(path, digest):
            raise ArtifactCorruptError(f"{keys.archive}{path} is not what the manifest says")
    return files


def _commit(api: HfApi, repo_id: str, files: Mapping[str, Path], wanted: Mapping[str, _Digests], run_id: str) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete  # noqa: PLC0415  (only PublishModel has it)

    head = api.repo_info(repo_id).sha
    present = _tree(api, repo_id, head or _MAIN)
    superfluous = set(present) - set(wanted) - _KEPT_BY_THE_HUB
    if head and not superfluous and _is_equal(present, wanted):
        return head
    commit = api.create_commit(
        repo_id,
        [
            *(CommitOperationAdd(path_in_repo=path, path_or_fileobj=file) for path, file in sorted(files.items())),
            *(CommitOperationDelete(path_in_repo=path) for path in sorted(superfluous)),
        ],
        commit_message=f"Run {run_id}",
        revision=_MAIN,
        parent_commit=head,
    )
    return commit.oid


def _verify(api: HfApi, publication: Publication, wanted: Mapping[str, _Digests]) -> None:
    repo_id, revision = publication.repo_id, publication.revision
    try:
        with _leaf_errors(repo_id):
            present = _tree(api, repo_id, revision)
    except FineTuneSlmError as error:
        raise type(error)(
            f"Main of {repo_id} has moved to {revision}, which was not verified: {error.message}"
        ) from None
    if not _is_equal(present, wanted):
        raise PublishFailedError(f"Main of {repo_id} has moved to {revision}, which is not equal to the archive")


def _tree(api: HfApi, repo_id: str, revision: str) -> dict[str, str]:
    from huggingface_hub.hf_api import RepoFile  # noqa: PLC0415  (only PublishModel has it)

    entries = api.list_repo_tree(repo_id, recursive=True, revision=revision)
    return {
        entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id for entry in entries if isinstance(entry, RepoFile)
    }


def _release_tree(api: HfApi, repo_id: str, revision: str) -> dict[str, str]:
    tree = _tree(api, repo_id, revision)
    return {path: digest for path, digest in tree.items() if path not in _KEPT_BY_THE_HUB}


def _is_equal(present: Mapping[str, str], wanted: Mapping[str, _Digests]) -> bool:
    return all(present.get(path) in digests for path, digests in wanted.items())


def _digests(file: Path) -> _Digests:
    sha256 = hashlib.sha256()
    git_blob = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            sha256.update(piece)
            git_blob.update(piece)
    return _Digests(sha256.hexdigest(), git_blob.hexdigest())


@contextmanager
def _leaf_errors(repo_id: str) -> Iterator[None]:
    import httpx2  # noqa: PLC0415  (only PublishModel has it)

    try:
        yield
    except httpx2.HTTPError as error:
        raise _leaf(error, repo_id) from None
    except (KeyError, ValueError) as error:
        # huggingface_hub reads on in an answer that lacks what it should hold, a 409 without the repository's URL
        raise HubUnavailableError(f"The Hub answered something unexpected ({type(error).__name__})") from None
    except RuntimeError as error:
        # huggingface_hub wraps what goes wrong in an upload
        if not isinstance(error.__cause__, httpx2.HTTPError):
            raise
        raise _leaf(error.__cause__, repo_id) from None


def _leaf(error: Exception, repo_id: str) -> FineTuneSlmError:
    # only the status: the Hub's own text may quote what was sent to it
    response = getattr(error, "response", None)
    if response is None:
        return HubUnavailableError(f"The Hub does not answer ({type(error).__name__})")
    status = int(response.status_code)
    if status in {401, 403}:
        return HubTokenRefusedError(f"The Hub refused to publish to {repo_id} ({status})")
    if status in {408, 429} or status >= 500:
        return HubUnavailableError(f"The Hub could not serve {repo_id} ({status})")
    return PublishFailedError(f"The Hub refused the commit to {repo_id} ({status})")
