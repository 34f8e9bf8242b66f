"""Repositories on disk: content-addressed blobs, commits as JSON, refs as files. No HTTP here.

<root>/blobs/<sha256>                              contents, shared by all repositories
<root>/<owner>/<name>/repository.json              private, gated
<root>/<owner>/<name>/commits/<40 hex>.json        parent, title, files
<root>/<owner>/<name>/refs/{heads,tags}/<name>     40 hex
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from fine_tune_slm.localcloud.errors import HubStorageError

_CHUNK_BYTES = 1 << 20
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")
_REF = re.compile(r"[\w][\w./-]*")
_REVISION = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".gguf", ".png", ".gz", ".zip")
_LFS_ABOVE_BYTES = 10_000_000
MAIN = "main"


class Source(Protocol):
    """What bytes can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


class RepositoryMissingError(LookupError):
    """There is no such repository."""


class RevisionMissingError(LookupError):
    """The repository has no such branch, tag or commit."""


class CommitConflictError(Exception):
    """The branch has moved since the commit that the caller built upon."""


class InvalidNameError(ValueError):
    """A name that may not become part of a path."""


@dataclass(frozen=True)
class File:
    """One file of a commit; an LFS file is served with its SHA-256 as etag, any other with its git id."""

    path: str
    sha256: str
    git_oid: str
    size: int
    is_lfs: bool


@dataclass(frozen=True)
class Commit:
    """A commit and all files of its tree."""

    oid: str
    parent: str | None
    title: str
    files: dict[str, File]


@dataclass(frozen=True)
class Access:
    """Who may see a repository."""

    is_private: bool
    is_gated: bool


class Store:
    """All repositories of a local Hub; what is written is there again after a restart."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._blobs = root / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True)

    def create(self, repo_id: str, access: Access) -> None:
        """Create an empty repository with an initial commit on main."""
        directory = self._directory(repo_id)
        with self._lock:
            (directory / "commits").mkdir(parents=True)
            _write(directory / "repository.json", json.dumps(asdict(access)))
            self._set_ref(directory, "heads", MAIN, self._add(directory, None, "initial commit", {}))

    def exists(self, repo_id: str) -> bool:
        """Return whether there is such a repository."""
        return (self._directory(repo_id) / "repository.json").is_file()

    def access(self, repo_id: str) -> Access:
        """Return who may see the repository. Raises: RepositoryMissingError."""
        return Access(**json.loads(_read(self._existing(repo_id) / "repository.json")))

    def resolve(self, repo_id: str, revision: str) -> Commit:
        """Return the commit that a branch, a tag or an id names. Raises: RevisionMissingError."""
        directory = self._existing(repo_id)
        oid = revision if _REVISION.fullmatch(revision) else self._ref(directory, revision)
        file = directory / "commits" / f"{oid}.json"
        if oid is None or not file.is_file():
            raise RevisionMissingError(revision)
        return _commit(json.loads(_read(file)))

    def refs(self, repo_id: str, kind: str) -> dict[str, str]:
        """Return the targets of all `heads` or `tags`."""
        directory = self._existing(repo_id) / "refs" / kind
        files = (file for file in sorted(directory.rglob("*")) if file.is_file())
        return {file.relative_to(directory).as_posix(): _read(file) for file in files}

    def set_ref(self, repo_id: str, kind: str, name: str, oid: str) -> None:
        """Let a branch or a tag name a commit."""
        with self._lock:
            self._set_ref(self._existing(repo_id), kind, name, oid)

    def delete_ref(self, repo_id: str, kind: str, name: str) -> None:
        """Remove a branch or a tag. Raises: RevisionMissingError."""
        file = self._ref_file(self._existing(repo_id), kind, name)
        if not file.is_file():
            raise RevisionMissingError(name)
        file.unlink()

    def commit(self, repo_id: str, branch: str, title: str, change: Change) -> str:
        """Return the new commit's id after the branch names it.

        Raises: RevisionMissingError for a missing branch, CommitConflictError when `change.parent` is not its head.
        """
        directory = self._existing(repo_id)
        with self._lock:
            head = self.refs(repo_id, "heads").get(branch)
            if head is None:
                raise RevisionMissingError(branch)
            if change.parent is not None and not head.startswith(change.parent):
                raise CommitConflictError(head)
            files = change.applied(self.resolve(repo_id, head).files)
            oid = self._add(directory, head, title, files)
            self._set_ref(directory, "heads", branch, oid)
            return oid

    def add_blob(self, source: Source, size: int, expected_sha256: str | None = None) -> File | None:
        """Return the stored content as a file without a path; None when it is not what was announced."""
        with tempfile.NamedTemporaryFile(dir=self._blobs, delete=False) as target:
            scratch = Path(target.name)
            sha256, git = hashlib.sha256(), hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
            for chunk in _chunks(source, size):
                target.write(chunk)
                sha256.update(chunk)
                git.update(chunk)
            stored = target.tell()
        if stored != size or expected_sha256 not in {None, sha256.hexdigest()}:
            scratch.unlink()
            return None
        scratch.replace(self.blob(sha256.hexdigest()))
        return File("", sha256.hexdigest(), git.hexdigest(), size, is_lfs=False)

    def link_blob(self, path: Path) -> File:
        """Return a local file's content under its name, linked instead of copied where the disk allows it."""
        size = path.stat().st_size
        with path.open("rb") as source:
            sample = source.read(512)
            source.seek(0)
            if not is_lfs_content(path.name, size, sample):
                stored = self.add_blob(source, size)
                assert stored is not None  # noqa: S101  (nothing was announced that could differ)
                return replace(stored, path=path.name)
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        blob = self.blob(sha256)
        if not blob.exists():
            _link_or_copy(path, blob)
        return lfs_file(path.name, sha256, size)

    def blob(self, sha256: str) -> Path:
        """Return where the content with this hash lies, or would lie."""
        if not _SHA256.fullmatch(sha256):
            raise InvalidNameError(sha256)
        return self._blobs / sha256

    def _directory(self, repo_id: str) -> Path:
        if not _REPO_ID.fullmatch(repo_id) or ".." in repo_id:
            raise InvalidNameError(repo_id)
        return self._root / repo_id

    def _existing(self, repo_id: str) -> Path:
        if not self.exists(repo_id):
            raise RepositoryMissingError(repo_id)
        return self._directory(repo_id)

    def _ref(self, directory: Path, name: str) -> str | None:
        for kind in ("heads", "tags"):
            file = self._ref_file(directory, kind, name)
            if file.is_file():
                return _read(file)
        return None

    def _ref_file(self, directory: Path, kind: str, name: str) -> Path:
        if not _REF.fullmatch(name) or ".." in name:
            raise RevisionMissingError(name)
        return directory / "refs" / kind / name

    def _set_ref(self, directory: Path, kind: str, name: str, oid: str) -> None:
        _write(self._ref_file(directory, kind, name), oid)

    def _add(self, directory: Path, parent: str | None, title: str, files: Mapping[str, File]) -> str:
        body = {"parent": parent, "title": title, "files": [asdict(files[path]) for path in sorted(files)]}
        # Content alone decides: the same model gets the same revision on every machine.
        text = json.dumps(body, sort_keys=True)
        oid = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _write(directory / "commits" / f"{oid}.json", json.dumps({"oid": oid, **body}, indent=1))
        return oid


@dataclass(frozen=True)
class Change:
    """What a commit does to the tree below it."""

    added: dict[str, File]
    deleted: frozenset[str]
    deleted_folders: frozenset[str]
    parent: str | None

    def applied(self, files: Mapping[str, File]) -> dict[str, File]:
        """Return the tree after the change."""
        folders = tuple(f"{folder.rstrip('/')}/" for folder in self.deleted_folders)
        kept = {
            path: file
            for path, file in files.items()
            if path not in self.deleted and not (folders and path.startswith(folders))
        }
        return kept | self.added


def is_lfs_content(path: str, size: int, sample: bytes) -> bool:
    """Return whether the Hub keeps such a file as a Git LFS content: weights, binaries and all that is large."""
    return size > 0 and (b"\0" in sample or size > _LFS_ABOVE_BYTES or path.endswith(_LFS_SUFFIXES))


def lfs_file(path: str, sha256: str, size: int) -> File:
    """Return the file of an LFS content; its git id is that of the pointer file that git keeps instead."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    oid = hashlib.sha1(f"blob {len(pointer)}\0".encode() + pointer, usedforsecurity=False).hexdigest()
    return File(path, sha256, oid, size, is_lfs=True)


def _commit(data: Mapping[str, Any]) -> Commit:
    files = {entry["path"]: File(**entry) for entry in data["files"]}
    return Commit(data["oid"], data["parent"], data["title"], files)


def _chunks(source: Source, size: int) -> Iterator[bytes]:
    left = size
    while left > 0 and (chunk := source.read(min(_CHUNK_BYTES, left))):
        left -= len(chunk)
        yield chunk


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise HubStorageError(f"The local Hub cannot read {file.name}") from error


def _write(file: Path, text: str) -> None:
    """Write through a temporary name, so that a reader sees the old text or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.new")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(file)
