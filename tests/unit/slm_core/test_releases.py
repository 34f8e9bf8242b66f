"""The pointer to what the Hub's main holds: one document, changed only from the version that was read."""

import pytest
from botocore.exceptions import ClientError
from slm_core.aws import as_leaf
from slm_core.errors import AwsUnavailableError, ReleaseHistoryInvalidError
from slm_core.records import Release
from slm_core.releases import ReleasePointer

from tests.unit.emulated_account import START, refusing

REPO = "local/adapter"


@pytest.fixture
def pointer(account):
    return ReleasePointer(account.store, REPO)


def _release(run_id, **changes):
    release = {"run_id": run_id, "revision": run_id[-1] * 40, "macro_f1": 0.9, "samples": 8, "published_at": START}
    return Release.model_validate(release | {"validation_sha256": "0" * 64} | changes)


def _publish(pointer, *run_ids):
    for run_id in run_ids:
        pointer.publish(_release(run_id))


def _standing(pointer):
    return [release.run_id for release in pointer.read().standing]


def test_before_the_first_release_there_is_nothing_to_compare_with(pointer):
    assert pointer.read().current is None


def test_the_newest_release_is_what_main_holds(pointer):
    _publish(pointer, "run-a", "run-b")
    assert pointer.read().current == _release("run-b")


def test_noting_a_release_again_writes_nothing(account, pointer, monkeypatch):
    _publish(pointer, "run-a")
    refusing("s3", {"PutObject": "AccessDenied"}, monkeypatch)
    assert pointer.publish(_release("run-a", published_at=account.time())).current == _release("run-a")


def test_a_rollback_withdraws_what_came_later_and_can_be_repeated(pointer):
    _publish(pointer, "run-a", "run-b", "run-c")
    assert pointer.restore("run-a") == pointer.restore("run-a")
    assert _standing(pointer) == ["run-a"]
    assert [release.run_id for release in pointer.read().releases] == ["run-a", "run-b", "run-c"]


def test_what_is_published_after_a_rollback_stands_on_the_restored_release(pointer):
    _publish(pointer, "run-a", "run-b")
    pointer.restore("run-a")
    _publish(pointer, "run-c")
    assert _standing(pointer) == ["run-a", "run-c"]


def test_a_withdrawn_release_can_be_brought_back(pointer):
    _publish(pointer, "run-a", "run-b")
    pointer.restore("run-a")
    pointer.restore("run-b")
    assert _standing(pointer) == ["run-a", "run-b"]


def test_a_run_that_was_never_published_cannot_be_restored(pointer):
    _publish(pointer, "run-a")
    with pytest.raises(KeyError):
        pointer.restore("run-x")


def test_two_that_write_at_once_both_leave_their_release(account, pointer, monkeypatch):
    _publish(pointer, "run-a")
    read_version = account.store.read_version
    beside = iter(["run-b"])

    def read_and_be_overtaken(key):
        version = read_version(key)
        for run_id in beside:
            ReleasePointer(type(account.store)(account.store.bucket), REPO).publish(_release(run_id))
        return version

    monkeypatch.setattr(account.store, "read_version", read_and_be_overtaken)
    _publish(pointer, "run-c")
    assert _standing(pointer) == ["run-a", "run-b", "run-c"]


def test_a_pointer_that_never_holds_still_is_given_up_to_be_tried_again(pointer, monkeypatch):
    refusing("s3", {"PutObject": "PreconditionFailed"}, monkeypatch)
    with pytest.raises(AwsUnavailableError, match=f"releases/{REPO}.json"):
        _publish(pointer, "run-a")


def test_a_write_beside_ours_that_has_not_ended_is_to_be_tried_again(pointer, monkeypatch):
    refusing("s3", {"PutObject": "ConditionalRequestConflict"}, monkeypatch)
    with pytest.raises(ClientError) as raised:
        _publish(pointer, "run-a")
    assert isinstance(as_leaf(raised.value), AwsUnavailableError)


def test_a_pointer_that_vanishes_in_between_is_written_anew(account, pointer, monkeypatch):
    _publish(pointer, "run-a")
    read_version = account.store.read_version
    vanishing = iter([True])

    def read_and_lose(key):
        version = read_version(key)
        for _ in vanishing:
            account.store.delete(key)
        return version

    monkeypatch.setattr(account.store, "read_version", read_and_lose)
    _publish(pointer, "run-b")
    assert _standing(pointer) == ["run-b"]


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"repo_id": "other/adapter"}'])
def test_a_pointer_that_cannot_be_read_is_told_by_name(account, pointer, content):
    account.store.put(f"releases/{REPO}.json", content)
    with pytest.raises(ReleaseHistoryInvalidError, match=f"releases/{REPO}.json"):
        pointer.read()
