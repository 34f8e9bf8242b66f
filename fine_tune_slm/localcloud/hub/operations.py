"""The read operations and the references: everything but uploading."""

from __future__ import annotations

import re
from collections.abc import Callable

from fine_tune_slm.localcloud.hub import descriptions
from fine_tune_slm.localcloud.hub.access import require_readable, require_visible, require_writable, require_writer
from fine_tune_slm.localcloud.hub.answers import (
    Answer,
    FileRange,
    RefusedError,
    as_json,
    entry_not_found,
    revision_not_found,
)
from fine_tune_slm.localcloud.hub.requests import Request
from fine_tune_slm.localcloud.hub.store import MAIN, Access, Commit, File, InvalidNameError, RevisionMissingError, Store

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
USER = "local"


class Reading:
    """Operations that change no content."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def whoami(self, request: Request) -> Answer:
        """Tell whose token it is and what its role is."""
        if request.token is None:
            raise RefusedError(401, "Invalid username or password.")
        token = {"displayName": "local", "role": request.token.role}
        return as_json(
            {"type": "user", "name": USER, "orgs": [], "auth": {"type": "access_token", "accessToken": token}}
        )

    def validate_yaml(self, request: Request) -> Answer:
        """Accept any model card; huggingface_hub itself has parsed its metadata."""
        request.json()
        return as_json({"errors": [], "warnings": []})

    def create_repository(self, request: Request) -> Answer:
        """Create an empty repository."""
        wanted = request.json()
        repo_id = f"{wanted.get('organization') or USER}/{wanted['name']}"
        require_writer(request.token, repo_id)
        url = f"{request.endpoint}/{repo_id}"
        try:
            if self._store.exists(repo_id):
                return as_json({"error": "You already created this model repo", "url": url}, 409)
            is_private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
            self._store.create(repo_id, Access(is_private=is_private, is_gated=False))
        except InvalidNameError as error:
            raise RefusedError(400, "Invalid repository name") from error
        return as_json({"url": url, "name": repo_id, "id": repo_id})

    def info(self, request: Request, repo_id: str, revision: str = MAIN) -> Answer:
        """Describe a model at a revision."""
        access = require_visible(self._store, repo_id, request.token)
        commit = self.commit_of(repo_id, revision)
        return as_json(descriptions.model_info(repo_id, access, commit, with_blobs=request.flag("blobs")))

    def tree(self, request: Request, repo_id: str, revision: str, folder: str = "") -> Answer:
        """List files and folders."""
        require_visible(self._store, repo_id, request.token)
        commit = self.commit_of(repo_id, revision)
        entries = descriptions.tree(commit, folder, is_recursive=request.flag("recursive"))
        if folder and not entries:
            raise entry_not_found(commit.oid)
        return as_json(entries)

    def paths_info(self, request: Request, repo_id: str, revision: str) -> Answer:
        """Describe the named files; those that are missing are left out."""
        require_visible(self._store, repo_id, request.token)
        files = self.commit_of(repo_id, revision).files
        wanted = request.form().get("paths", [])
        return as_json([descriptions.file_entry(files[path]) for path in wanted if path in files])

    def refs(self, request: Request, repo_id: str) -> Answer:
        """List branches and tags."""
        require_visible(self._store, repo_id, request.token)
        heads, tags = self._store.refs(repo_id, "heads"), self._store.refs(repo_id, "tags")
        return as_json(descriptions.references(heads, tags))

    def commits(self, request: Request, repo_id: str, revision: str) -> Answer:
        """List a revision's commits, newest first."""
        require_visible(self._store, repo_id, request.token)
        commit: Commit | None = self.commit_of(repo_id, revision)
        found = []
        while commit:
            found.append(descriptions.commit_entry(commit))
            commit = self.commit_of(repo_id, commit.parent) if commit.parent else None
        return as_json(found)

    def auth_check(self, request: Request, repo_id: str) -> Answer:
        """Tell whether the files can be read."""
        require_readable(self._store, repo_id, request.token)
        return as_json({})

    def auth_check_write(self, request: Request, repo_id: str) -> Answer:
        """Tell whether the repository can be changed."""
        require_writable(self._store, repo_id, request.token)
        return as_json({})

    def create_branch(self, request: Request, repo_id: str, branch: str) -> Answer:
        """Create a branch at a revision."""
        start = str(request.json().get("startingPoint") or MAIN)
        return self._create_ref(request, repo_id, "heads", branch, start)

    def create_tag(self, request: Request, repo_id: str, revision: str) -> Answer:
        """Create a tag at a revision."""
        return self._create_ref(request, repo_id, "tags", str(request.json()["tag"]), revision)

    def delete_branch(self, request: Request, repo_id: str, branch: str) -> Answer:
        """Delete a branch, main excepted."""
        if branch == MAIN:
            raise RefusedError(403, "Forbidden: the branch main cannot be deleted")
        return self._delete_ref(request, repo_id, "heads", branch)

    def delete_tag(self, request: Request, repo_id: str, tag: str) -> Answer:
        """Delete a tag."""
        return self._delete_ref(request, repo_id, "tags", tag)

    def download(self, request: Request, repo_id: str, revision: str, path: str) -> Answer:
        """Send a file, or the part of it that a Range header asks for."""
        require_readable(self._store, repo_id, request.token)
        commit = self.commit_of(repo_id, revision)
        if path not in commit.files:
            raise entry_not_found(commit.oid)
        return self._content(request, commit.files[path], commit.oid)

    def commit_of(self, repo_id: str, revision: str) -> Commit:
        """Return the commit. Raises: RefusedError when there is none."""
        try:
            return self._store.resolve(repo_id, revision)
        except RevisionMissingError as error:
            raise revision_not_found(revision) from error

    def _content(self, request: Request, file: File, commit_oid: str) -> Answer:
        etag = f'"{file.sha256 if file.is_lfs else file.git_oid}"'
        linked = {"X-Linked-Size": str(file.size), "X-Linked-Etag": etag} if file.is_lfs else {}
        headers = {"X-Repo-Commit": commit_oid, "ETag": etag, "Accept-Ranges": "bytes", **linked}
        start, end = _range(request.headers.get("range", ""), file.size)
        if start > end and file.size:
            raise RefusedError(416, "Range not satisfiable", headers={"Content-Range": f"bytes */{file.size}"})
        body = FileRange(self._store.blob(file.sha256), start, end - start + 1)
        if body.length == file.size:
            return Answer(200, body, headers)
        return Answer(206, body, {**headers, "Content-Range": f"bytes {start}-{end}/{file.size}"})

    def _create_ref(self, request: Request, repo_id: str, kind: str, name: str, revision: str) -> Answer:
        require_writable(self._store, repo_id, request.token)
        if name in self._store.refs(repo_id, kind):
            raise RefusedError(409, f"Reference already exists: {name}")
        self._store.set_ref(repo_id, kind, name, self.commit_of(repo_id, revision).oid)
        return as_json({}, 201)

    def _delete_ref(self, request: Request, repo_id: str, kind: str, name: str) -> Answer:
        require_writable(self._store, repo_id, request.token)
        try:
            self._store.delete_ref(repo_id, kind, name)
        except RevisionMissingError as error:
            raise revision_not_found(name) from error
        return as_json({})


Operation = Callable[..., Answer]


def _range(header: str, size: int) -> tuple[int, int]:
    """Return the first and the last byte asked for; a start behind the end cannot be satisfied."""
    found = _RANGE.fullmatch(header)
    if not found or not (found[1] or found[2]):
        return 0, size - 1
    if not found[1]:
        return max(0, size - int(found[2])), size - 1
    return int(found[1]), min(int(found[2] or size), size - 1)
