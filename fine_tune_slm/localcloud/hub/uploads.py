"""Uploading: how a file is to be sent, Git LFS contents with their hashes checked, and commits."""

from __future__ import annotations

import base64
import binascii
import io
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fine_tune_slm.localcloud.hub.access import require_writable
from fine_tune_slm.localcloud.hub.answers import Answer, RefusedError, as_json, revision_not_found
from fine_tune_slm.localcloud.hub.requests import Request
from fine_tune_slm.localcloud.hub.store import (
    Change,
    CommitConflictError,
    File,
    InvalidNameError,
    RevisionMissingError,
    Store,
    is_lfs_content,
    lfs_file,
)


class Uploading:
    """Operations that add content."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # A content goes to a URL that carries its own permission, as to the Hub's storage: no token is sent there.
        self._granted: dict[str, tuple[str, int]] = {}

    def preupload(self, request: Request, repo_id: str, revision: str) -> Answer:
        """Tell for each file whether it goes into the commit or to LFS, and what is there already."""
        require_writable(self._store, repo_id, request.token)
        wanted = request.json().get("files", [])
        try:
            present = self._store.resolve(repo_id, revision).files
        except RevisionMissingError as error:
            raise revision_not_found(revision) from error
        return as_json({"files": [_mode(entry, present.get(entry["path"])) for entry in wanted]})

    def lfs_batch(self, request: Request, repo_id: str) -> Answer:
        """Tell where each content is to be put; nothing for one that is there already."""
        require_writable(self._store, repo_id, request.token)
        objects = [self._instruction(request, repo_id, entry) for entry in request.json()["objects"]]
        return as_json(
            {"transfer": "basic", "objects": objects}, headers={"Content-Type": "application/vnd.git-lfs+json"}
        )

    def lfs_put(self, request: Request, grant: str) -> Answer:
        """Take a content whose hash and size are what was announced."""
        announced = self._granted.pop(grant, None)
        if announced is None:
            raise RefusedError(403, "This upload URL is not valid any more")
        sha256, size = announced
        if request.length != size or self._store.add_blob(request.body, size, sha256) is None:
            raise RefusedError(400, "The content does not have the announced size and SHA-256")
        return Answer(200, headers={"ETag": f'"{sha256}"'})

    def lfs_verify(self, request: Request, repo_id: str) -> Answer:
        """Tell whether a content has arrived."""
        require_writable(self._store, repo_id, request.token)
        wanted = request.json()
        if not self._has(str(wanted["oid"]), int(wanted["size"])):
            raise RefusedError(404, "The content has not arrived")
        return as_json({})

    def commit(self, request: Request, repo_id: str, revision: str) -> Answer:
        """Add a commit to a branch."""
        require_writable(self._store, repo_id, request.token)
        if request.flag("create_pr"):
            raise RefusedError(400, "The local Hub has no pull requests")
        lines = list(_lines(request.text()))
        header = next((value for key, value in lines if key == "header"), {})
        change = self._change(lines, header.get("parentCommit"))
        try:
            oid = self._store.commit(repo_id, revision, str(header.get("summary", "")), change)
        except RevisionMissingError as error:
            raise revision_not_found(revision) from error
        except CommitConflictError as error:
            raise RefusedError(412, "A commit has happened since. Please refresh and try again.") from error
        url = f"{request.endpoint}/{repo_id}/commit/{oid}"
        return as_json({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})

    def _change(self, lines: list[tuple[str, dict[str, Any]]], parent: str | None) -> Change:
        readers = {"file": self._regular, "lfsFile": self._lfs}
        added = [readers[key](value) for key, value in lines if key in readers]
        unknown = [key for key, _ in lines if key not in {*readers, "header", "deletedFile", "deletedFolder"}]
        if unknown:
            raise RefusedError(400, f"Unknown operation {unknown[0]}")
        return Change(
            added={file.path: file for file in added},
            deleted=frozenset(value["path"] for key, value in lines if key == "deletedFile"),
            deleted_folders=frozenset(value["path"] for key, value in lines if key == "deletedFolder"),
            parent=parent,
        )

    def _regular(self, value: dict[str, Any]) -> File:
        try:
            content = base64.b64decode(value["content"], validate=True)
        except binascii.Error as error:
            raise RefusedError(400, "A file's content is not base64") from error
        stored = self._store.add_blob(io.BytesIO(content), len(content))
        if stored is None:
            raise RefusedError(500, "A file's content could not be stored")
        return replace(stored, path=_safe_path(value["path"]))

    def _lfs(self, value: dict[str, Any]) -> File:
        sha256, path = str(value["oid"]), _safe_path(value["path"])
        size = int(value.get("size", -1))
        if not self._has(sha256, size):
            raise RefusedError(
                400, "Your push was rejected because an LFS pointer points to a file that does not exist"
            )
        return lfs_file(path, sha256, self._store.blob(sha256).stat().st_size)

    def _has(self, sha256: str, size: int) -> bool:
        try:
            blob = self._store.blob(sha256)
        except InvalidNameError:
            return False
        return blob.is_file() and size in {-1, blob.stat().st_size}

    def _instruction(self, request: Request, repo_id: str, entry: dict[str, Any]) -> dict[str, Any]:
        sha256, size = str(entry["oid"]), int(entry["size"])
        told = {"oid": sha256, "size": size, "authenticated": True}
        if self._has(sha256, size):
            return told
        grant = secrets.token_urlsafe(16)
        self._granted[grant] = (sha256, size)
        verify = {"href": f"{request.endpoint}/{repo_id}.git/info/lfs/objects/verify"}
        return {**told, "actions": {"upload": {"href": f"{request.endpoint}/lfs/{grant}"}, "verify": verify}}


def _mode(entry: dict[str, Any], present: File | None) -> dict[str, Any]:
    path, size = str(entry["path"]), int(entry["size"])
    is_lfs = is_lfs_content(path, size, base64.b64decode(entry.get("sample", "")))
    oid = None
    if present:
        oid = present.sha256 if present.is_lfs else present.git_oid
    return {"path": path, "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False, "oid": oid}


def _lines(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        for line in filter(None, text.split("\n")):
            operation = json.loads(line)
            yield str(operation["key"]), dict(operation["value"])
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(400, "The body is not a list of commit operations") from error


def _safe_path(path: Any) -> str:
    parts = str(path).split("/")
    if any(part in {"", ".", "..", ".git"} for part in parts):
        raise RefusedError(400, "Invalid path in a commit operation")
    return str(path)
