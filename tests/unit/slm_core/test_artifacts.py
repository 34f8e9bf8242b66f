"""The archive: every file verified, the manifest last; a reader finds all or nothing."""

import json
from types import SimpleNamespace

import botocore.endpoint
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from slm_core.artifacts import archive, digest_of, read_manifest
from slm_core.aws import as_leaf, client
from slm_core.errors import ArchiveConflictError, ArtifactCorruptError, AwsUnavailableError

from tests.unit.emulated_account import checksum, refusing

FILES = {"adapter_model.safetensors": b"weights" * 1000, "metrics.json": b"{}"}


def test_the_archive_holds_every_file_of_the_manifest_and_the_manifest(account):
    account.stage(FILES)
    archived = archive(account.store, account.keys)
    for path, content in FILES.items():
        assert account.store.read(f"models/run-1/{path}") == content
    assert account.store.read(account.keys.archive_manifest) == account.store.read(account.keys.staged_manifest)
    assert (archived.files, archived.size_bytes) == (2, sum(map(len, FILES.values())))


def test_archiving_twice_changes_nothing(account):
    account.stage(FILES)
    first = archive(account.store, account.keys)
    written = client("s3").head_object(Bucket=account.store.bucket, Key="models/run-1/metrics.json")["LastModified"]
    assert archive(account.store, account.keys) == first
    again = client("s3").head_object(Bucket=account.store.bucket, Key="models/run-1/metrics.json")["LastModified"]
    assert again == written


def test_an_archive_with_other_content_is_left_as_it_is(account):
    account.stage(FILES)
    archive(account.store, account.keys)
    account.stage({"metrics.json": b"other"})
    with pytest.raises(ArchiveConflictError):
        archive(account.store, account.keys)
    assert account.store.read("models/run-1/metrics.json") == b"{}"


@pytest.mark.parametrize("content", [b"{ }", b"", b"longer than it was"])
def test_a_staged_file_that_differs_from_the_manifest_is_named_and_nothing_is_published(account, content):
    account.stage(FILES)
    account.store.put(f"{account.keys.staged_artifacts}metrics.json", content)
    with pytest.raises(ArtifactCorruptError, match=r"artifacts/metrics\.json"):
        archive(account.store, account.keys)
    assert account.store.read(account.keys.archive_manifest) is None


def test_a_staged_file_that_is_missing_is_named(account):
    account.stage(FILES)
    account.store.delete(f"{account.keys.staged_artifacts}metrics.json")
    with pytest.raises(ArtifactCorruptError, match=r"metrics\.json is missing"):
        archive(account.store, account.keys)


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"run_id": "run-1"}', b"\xff"])
def test_without_a_proper_manifest_there_is_no_archive(account, content):
    if content is not None:
        account.store.put(account.keys.staged_manifest, content)
    with pytest.raises(ArtifactCorruptError):
        archive(account.store, account.keys)


def test_the_manifest_of_another_run_is_refused(account):
    manifest = account.stage(FILES)
    account.put_json(account.keys.staged_manifest, manifest | {"run_id": "run-2"})
    with pytest.raises(ArtifactCorruptError, match="another run"):
        archive(account.store, account.keys)


def test_a_multipart_checksum_is_not_taken_for_the_files(account, monkeypatch):
    account.stage(FILES)
    real = client("s3").head_object

    def composite(**request):
        return real(**request) | {"ChecksumSHA256": checksum(b"parts") + "-2", "ChecksumType": "COMPOSITE"}

    monkeypatch.setattr(client("s3"), "head_object", composite)
    archive(account.store, account.keys)
    assert account.store.read("models/run-1/metrics.json") == b"{}"


def test_the_manifest_that_another_wrote_in_between_must_be_equal(account, monkeypatch):
    account.stage(FILES)
    put_once = account.store.put_once

    def beaten(key, content):
        put_once(key, b"another")
        return put_once(key, content)

    monkeypatch.setattr(account.store, "put_once", beaten)
    with pytest.raises(ArchiveConflictError):
        archive(account.store, account.keys)


def test_an_equal_manifest_that_another_wrote_in_between_is_taken_for_ours(account, monkeypatch):
    account.stage(FILES)
    put_once = account.store.put_once

    def beaten(key, content):
        put_once(key, content)
        return put_once(key, content)

    monkeypatch.setattr(account.store, "put_once", beaten)
    assert archive(account.store, account.keys).files == 2


def test_a_manifest_that_another_is_still_writing_is_to_be_tried_again(account, monkeypatch):
    account.stage(FILES)
    with monkeypatch.context() as at_once:
        refusing("s3", {"PutObject": "ConditionalRequestConflict"}, at_once)
        with pytest.raises(ClientError) as raised:
            archive(account.store, account.keys)
    assert isinstance(as_leaf(raised.value), AwsUnavailableError)
    assert account.store.read(account.keys.archive_manifest) is None
    assert archive(account.store, account.keys).files == 2


def test_a_staged_file_that_changes_between_its_check_and_its_copy_is_not_published(account, monkeypatch):
    account.stage(FILES)
    copy = account.store.copy

    def changed_before(source, target):
        account.store.put(source, b"changed")
        copy(source, target)

    with monkeypatch.context() as changing:
        changing.setattr(account.store, "copy", changed_before)
        with pytest.raises(ArtifactCorruptError, match="is not what was copied"):
            archive(account.store, account.keys)
    assert account.store.read(account.keys.archive_manifest) is None
    account.stage(FILES)
    archive(account.store, account.keys)
    assert account.store.read("models/run-1/adapter_model.safetensors") == FILES["adapter_model.safetensors"]


@pytest.fixture
def failed_copies(monkeypatch):
    """S3 answers CopyObject with status 200 and an error for a body; the requests that it answered so."""
    answered = []
    body = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"

    def answer(request, **_):
        answered.append(request.url)
        return AWSResponse(request.url, 200, {}, SimpleNamespace(stream=lambda **_: iter([body])))

    events = client("s3").meta.events
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    events.register_first("before-send.s3.CopyObject", answer)
    yield answered
    events.unregister("before-send.s3.CopyObject", answer)


def test_a_copy_that_fails_with_status_200_is_repeated_and_then_told(account, failed_copies):
    account.stage(FILES)
    with pytest.raises(ClientError) as raised:
        archive(account.store, account.keys)
    assert isinstance(as_leaf(raised.value), AwsUnavailableError)
    assert len(failed_copies) == 3
    assert account.store.read(account.keys.archive_manifest) is None


@pytest.mark.parametrize("call", ["copy", "put_once"])
def test_a_kill_before_any_effect_leaves_no_archive_and_a_retry_completes_it(account, monkeypatch, call):
    account.stage(FILES)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(account.store, call, killed)
        with pytest.raises(KeyboardInterrupt):
            archive(account.store, account.keys)
    assert account.store.read(account.keys.archive_manifest) is None
    archive(account.store, account.keys)
    for path, content in FILES.items():
        assert account.store.read(f"models/run-1/{path}") == content


def test_a_digest_is_looked_up_in_the_manifest(account):
    account.stage(FILES)
    archive(account.store, account.keys)
    manifest = read_manifest(account.store, account.keys)
    assert digest_of(manifest, "metrics.json") == json.loads(manifest.model_dump_json())["files"][1]["sha256"]
    with pytest.raises(ArtifactCorruptError, match=r"does not name other\.bin"):
        digest_of(manifest, "other.bin")
