"""Returns the Hub's main to an earlier release: one commit with that release's files, and the pointer after it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from slm_core.errors import HubTokenMissingError, PublishFailedError, SettingMissingError
from slm_core.publication import HubRepository, main_equals, restore
from slm_core.records import Release, ReleaseHistory
from slm_core.releases import ReleasePointer, find_release
from slm_core.settings import SettingSpec
from slm_core.store import ObjectStore, Version

from fine_tune_slm.aws import ClientSource
from fine_tune_slm.errors import RollbackFailedError, RollbackRefusedError
from fine_tune_slm.kept_runs import KeptRun
from fine_tune_slm.parameters import read_parameters


@dataclass(frozen=True)
class Published:
    """A repository on a Hub, and the history of its releases."""

    repository: HubRepository
    pointer: ReleasePointer


@dataclass(frozen=True)
class RollbackPlan:
    """What main holds and what it is to hold."""

    current: Release
    wanted: Release

    def lines(self) -> Iterator[str]:
        """Yield the plan, a line for each release."""
        for what, release in (("main holds", self.current), ("returns to", self.wanted)):
            when = f"{release.published_at:%Y-%m-%d %H:%M} UTC"
            yield f"{what}  {release.run_id}  macro-F1 {release.macro_f1:.3f}  published {when}"


def published_from(
    account: ClientSource, specs: tuple[SettingSpec, ...], endpoint: str, repo_id: str | None
) -> Published:
    """Return what a stack publishes to; the token comes from HF_TOKEN, otherwise from the stack's secret.

    Raises: SettingMissingError, HubTokenMissingError.
    """
    names = {spec.name: spec.ssm_param for spec in specs}
    keys = ("storage.bucket", "hub.publish_repo", "hub.write_token_secret_id")
    found = read_parameters(account.client("ssm"), [names[key] for key in keys])
    bucket, publish_repo, secret_id = (found.get(names[key]) for key in keys)
    repo_id = repo_id or publish_repo
    if bucket is None or repo_id is None:
        missing = names["storage.bucket"] if bucket is None else names["hub.publish_repo"]
        raise SettingMissingError(f"Parameter {missing} does not exist")
    token = os.environ.get("HF_TOKEN", "").strip() or _stored_token(account, secret_id)
    repository = HubRepository(endpoint=endpoint, repo_id=repo_id, token=SecretStr(token), is_private=True)
    return Published(repository, ReleasePointer(ObjectStore(bucket, account.client("s3")), repo_id))


@contextmanager
def published_by_rehearsal(run: KeptRun, repo_id: str | None) -> Iterator[Published]:
    """Serve the Hub that a rehearsal kept, and give what it published to.

    Raises: RollbackRefusedError when it published nothing.
    """
    from fine_tune_slm.localcloud.hub.server import LocalHub  # noqa: PLC0415 - the command line starts without it

    record = run.read_record()
    repo_id = repo_id or (record.hub_repo if record else None)
    bucket = next(iter(sorted(run.directory.glob("s3/*/releases"))), None)
    if repo_id is None or bucket is None:
        raise RollbackRefusedError(f"Run {run.run_id} has published nothing")
    hub = LocalHub(run.directory / "hub")
    try:
        token = SecretStr(hub.create_token("write"))
        repository = HubRepository(endpoint=hub.endpoint, repo_id=repo_id, token=token, is_private=True)
        yield Published(repository, ReleasePointer(KeptObjects(bucket.parent), repo_id))
    finally:
        hub.close()


def plan_rollback(published: Published, run_id: str | None) -> RollbackPlan:
    """Return what a rollback to a run, or by default to the release before the current one, would do.

    Raises: RollbackRefusedError, ReleaseHistoryInvalidError and the errors of the Hub.
    """
    history, repo_id = published.pointer.read(), published.repository.repo_id
    current = history.current
    if current is None:
        raise RollbackRefusedError(f"No release of {repo_id} is noted in this bucket")
    if run_id is not None:
        return RollbackPlan(current, _named(history, run_id))
    if len(history.standing) == 1:
        raise RollbackRefusedError(f"There is no release of {repo_id} before run {current.run_id}")
    plan = RollbackPlan(current, history.standing[-2])
    # the second: a rollback that was cut off before the pointer was written is finished
    if not any(_main_is(published, release) for release in (plan.current, plan.wanted)):
        raise RollbackRefusedError(f"The main branch of {repo_id} is not what run {current.run_id} published")
    return plan


def roll_back(published: Published, plan: RollbackPlan) -> str:
    """Return the commit of main that has the wanted release's files, after noting it in the bucket.

    Raises: RollbackFailedError, HubTokenRefusedError, HubUnavailableError, AwsUnavailableError.
    """
    try:
        commit = restore(published.repository, plan.wanted.revision, f"Roll back to run {plan.wanted.run_id}")
    except PublishFailedError as error:
        raise RollbackFailedError(error.message) from error
    published.pointer.restore(plan.wanted.run_id)
    return commit


class KeptObjects:
    """The kept copy of a bucket, with the two operations that the pointer needs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read_version(self, key: str) -> Version | None:
        """Return an object's content, or None when it was not kept."""
        path = self._directory / key
        if not path.is_file():
            return None
        content = path.read_bytes()
        return Version(content, hashlib.sha256(content).hexdigest())

    def put_version(self, key: str, content: bytes, replaced: Version | None) -> bool:
        """Put an object if it is still that version, and return whether it was put."""
        if self.read_version(key) != replaced:
            return False
        path = self._directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_bytes(content)
        fresh.replace(path)
        return True


def _named(history: ReleaseHistory, run_id: str) -> Release:
    release = find_release(history, run_id)
    if release is None:
        known = ", ".join(release.run_id for release in history.releases)
        raise RollbackRefusedError(f"No such run has published to {history.repo_id}; these have: {known}")
    return release


def _main_is(published: Published, release: Release) -> bool:
    try:
        return main_equals(published.repository, release.revision)
    except PublishFailedError as error:
        raise RollbackFailedError(error.message) from error


def _stored_token(account: ClientSource, secret_id: str | None) -> str:
    """Return the token in the stack's secret.

    Raises: HubTokenMissingError.
    """
    secrets = account.client("secretsmanager")
    if secret_id is not None:
        try:
            token = str(secrets.get_secret_value(SecretId=secret_id).get("SecretString", "")).strip()
        except secrets.exceptions.ResourceNotFoundException:
            token = ""
        if token:
            return token
    raise HubTokenMissingError("Neither HF_TOKEN nor the stack's secret for publishing holds a token")
