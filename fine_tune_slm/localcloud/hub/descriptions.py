"""How the Hub describes repositories, commits and files in JSON."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from fine_tune_slm.localcloud.hub.store import Access, Commit, File

# The size of a Git LFS pointer file for a size of nine digits; the client only passes it on.
_POINTER_BYTES = 134
_CREATED_AT = "2026-01-01T00:00:00.000Z"


def model_info(repo_id: str, access: Access, commit: Commit, *, with_blobs: bool) -> dict[str, Any]:
    """Return what GET /api/models/<id> tells."""
    siblings = [_sibling(file, with_blobs=with_blobs) for file in commit.files.values()]
    return {
        "_id": commit.oid[:24],
        "id": repo_id,
        "modelId": repo_id,
        "author": repo_id.partition("/")[0],
        "sha": commit.oid,
        "lastModified": _CREATED_AT,
        "createdAt": _CREATED_AT,
        "private": access.is_private,
        "gated": "manual" if access.is_gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": siblings,
    }


def tree(commit: Commit, folder: str, *, is_recursive: bool) -> list[dict[str, Any]]:
    """Return the entries below a folder; empty when there is none."""
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
    below = [file for path, file in commit.files.items() if path.startswith(prefix)]
    direct = [file for file in below if "/" not in file.path[len(prefix) :]]
    folders = {parent for file in below for parent in _folders(file.path, prefix)}
    if not is_recursive:
        folders = {name for name in folders if "/" not in name[len(prefix) :]}
    entries = [{"type": "directory", "oid": commit.oid, "size": 0, "path": name} for name in sorted(folders)]
    return entries + [file_entry(file) for file in (below if is_recursive else direct)]


def file_entry(file: File) -> dict[str, Any]:
    """Return a file as the tree and paths-info operations tell it."""
    entry: dict[str, Any] = {"type": "file", "oid": file.git_oid, "size": file.size, "path": file.path}
    if file.is_lfs:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": _POINTER_BYTES}
    return entry


def references(heads: dict[str, str], tags: dict[str, str]) -> dict[str, Any]:
    """Return branches and tags as GET .../refs tells them."""
    return {
        "branches": [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": oid} for n, oid in heads.items()],
        "tags": [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": oid} for n, oid in tags.items()],
        "converts": [],
        "pullRequests": [],
    }


def commit_entry(commit: Commit) -> dict[str, Any]:
    """Return a commit as GET .../commits/<revision> tells it."""
    return {"id": commit.oid, "title": commit.title, "message": "", "date": _CREATED_AT, "authors": [{"user": "local"}]}


def _folders(path: str, prefix: str) -> list[str]:
    return [
        str(parent) for parent in PurePosixPath(path).parents if str(parent) != "." and len(str(parent)) >= len(prefix)
    ]


def _sibling(file: File, *, with_blobs: bool) -> dict[str, Any]:
    if not with_blobs:
        return {"rfilename": file.path}
    sibling: dict[str, Any] = {"rfilename": file.path, "size": file.size, "blobId": file.git_oid}
    if file.is_lfs:
        sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": _POINTER_BYTES}
    return sibling
