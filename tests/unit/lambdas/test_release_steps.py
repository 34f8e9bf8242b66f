"""ArchiveArtifacts, AssessModel, PublishModel and CompleteRun: what is kept, rejected, noted and recorded."""

import json
from datetime import timedelta

import pytest
from slm_core.aws import client
from slm_core.errors import (
    ArtifactCorruptError,
    AwsUnavailableError,
    LeaseLostError,
    ModelRejectedError,
    PublishFailedError,
    ReleaseHistoryInvalidError,
)
from slm_core.lease import Launch
from slm_core.records import Release, RunRecord
from slm_core.releases import ReleasePointer
from slm_core.state import Publication
from slm_core.store import ObjectStore

from lambdas import archive_artifacts, assess_model, complete_run, publish_model
from tests.unit.emulated_account import EXECUTION_ARN, RUN_ID, START, answering, metrics_json

REPO = "local/Llama-adapter"


@pytest.fixture
def archived(account):
    """The state of a run whose archive is written; its instance ran for two hours."""
    state = account.prepare()
    launch = Launch(instance_type="g6.2xlarge", launched_at=START)
    account.leases.request_start(RUN_ID, 1)
    account.leases.record_launch(RUN_ID, 1, launch, START + timedelta(hours=6))
    account.time.forward(hours=2)
    account.leases.record_stop(RUN_ID, 1, launch)
    account.stage({"metrics.json": metrics_json(), "adapter_model.safetensors": b"weights"})
    state["archive"] = archive_artifacts.handler(state, None)
    return state


def _record(account):
    return RunRecord.model_validate_json(account.store.read(account.keys.record))


def test_the_archive_is_named_in_the_state(account, archived):
    assert archived["archive"]["uri"] == f"s3://{account.env.bucket_name}/models/{RUN_ID}/"
    assert archived["archive"]["files"] == 2


def test_a_run_that_lost_its_lease_archives_nothing(account):
    state = account.prepare()
    account.stage({"metrics.json": metrics_json()})
    account.leases.release(RUN_ID, 1)
    with pytest.raises(LeaseLostError):
        archive_artifacts.handler(state, None)
    assert account.store.read(account.keys.archive_manifest) is None


def test_a_model_that_meets_the_gate_is_to_be_published(archived):
    assert assess_model.handler(archived, None) == {"publish": True, "macro_f1": 0.9, "json_valid": 1.0}


def test_a_run_may_be_configured_not_to_publish(account, archived):
    account.write_spec(1, publish__enabled=False)
    assert assess_model.handler(archived, None)["publish"] is False


def test_every_bound_of_a_rejected_model_is_named_beside_what_it_reached(account, archived):
    account.write_spec(1, gate__macro_f1_min=0.95, gate__field_f1_min=0.99, gate__json_valid_min=1.0)
    with pytest.raises(ModelRejectedError) as raised:
        assess_model.handler(archived, None)
    assert raised.value.message.splitlines() == [
        "2 of the gate's 4 bounds missed:",
        "MISSED macro-F1 0.900, at least 0.950",
        "MISSED F1 of stage (worst field) 0.900, at least 0.990",
        "met    JSON valid 1.000, at least 1.000",
        "met    ungrounded 0.000, at most 0.100",
        "Measured on 8 validation records",
    ]


def _release(**changes):
    release = {"run_id": "run-0", "revision": "a" * 40, "macro_f1": 0.9, "samples": 8, "published_at": START}
    return Release.model_validate(release | {"validation_sha256": "0" * 64} | changes)


def test_a_model_that_is_worse_than_the_published_one_is_rejected(account, archived):
    ReleasePointer(account.store, REPO).publish(_release(macro_f1=0.93))
    with pytest.raises(
        ModelRejectedError, match=r"MISSED macro-F1 beside the published run run-0 0\.900, at least 0\.910"
    ):
        assess_model.handler(archived, None)


def test_a_release_that_a_rollback_took_back_is_not_compared_with(account, archived):
    pointer = ReleasePointer(account.store, REPO)
    pointer.publish(_release(run_id="run-a", macro_f1=0.85))
    pointer.publish(_release(macro_f1=0.99))
    pointer.restore("run-a")
    assert assess_model.handler(archived, None)["publish"] is True


def test_a_release_history_that_cannot_be_read_stops_the_gate_by_name(account, archived):
    account.store.put(f"releases/{REPO}.json", b"torn")
    with pytest.raises(ReleaseHistoryInvalidError, match=f"releases/{REPO}.json"):
        assess_model.handler(archived, None)


@pytest.fixture
def on_the_hub(account, archived, monkeypatch):
    """The state of a run at PublishModel, before a Hub that takes whatever is published."""
    client("secretsmanager").create_secret(Name=account.secret("write"), SecretString="hf_write")
    archived["run"]["write_token_secret_id"] = account.secret("write")

    def published(_store, _keys, _repository, note):
        publication = Publication(repo_id=REPO, revision="b" * 40)
        note(publication)
        return publication

    monkeypatch.setattr(publish_model, "publish", published)
    monkeypatch.setattr(publish_model, "tag", lambda *_: None)
    return archived


def test_a_release_that_cannot_be_tagged_is_published_and_noted_all_the_same(account, on_the_hub, monkeypatch):
    def refused(*_):
        raise PublishFailedError("The Hub refused it (422)")

    monkeypatch.setattr(publish_model, "tag", refused)
    assert publish_model.handler(on_the_hub, None) == {"repo_id": REPO, "revision": "b" * 40}
    assert ReleasePointer(account.store, REPO).read().current.revision == "b" * 40


def test_what_was_published_is_noted_for_the_next_gate(account, on_the_hub):
    assert publish_model.handler(on_the_hub, None) == {"repo_id": REPO, "revision": "b" * 40}
    current = ReleasePointer(account.store, REPO).read().current
    assert (current.run_id, current.revision, current.macro_f1, current.samples) == (RUN_ID, "b" * 40, 0.9, 8)
    assert (current.validation_sha256, current.published_at) == ("0" * 64, account.time())


def test_publishing_again_changes_nothing_and_a_kill_before_the_note_is_made_up_for(account, on_the_hub, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(ReleasePointer, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            publish_model.handler(on_the_hub, None)
    publish_model.handler(on_the_hub, None)
    noted = account.store.read(f"releases/{REPO}.json")
    account.time.forward(minutes=1)
    publish_model.handler(on_the_hub, None)
    assert account.store.read(f"releases/{REPO}.json") == noted


def test_a_run_that_lost_its_lease_publishes_nothing(account, on_the_hub):
    account.leases.release(RUN_ID, 1)
    with pytest.raises(LeaseLostError):
        publish_model.handler(on_the_hub, None)
    assert account.store.read(f"releases/{REPO}.json") is None


@pytest.mark.parametrize("content", [b"{}", metrics_json(macro_f1=1.0)])
def test_metrics_that_are_not_the_manifests_are_not_believed(account, archived, content):
    account.store.put(f"models/{RUN_ID}/metrics.json", content)
    with pytest.raises(ArtifactCorruptError):
        assess_model.handler(archived, None)


def test_the_record_says_what_the_run_used_and_where_everything_is(account, archived):
    account.put_progress(checkpoint_step=120)
    archived["publication"] = {"repo_id": "local/Llama-adapter", "revision": "abc"}
    answer = complete_run.handler(archived, None)
    record = _record(account)
    assert (record.status, record.run_name, record.last_checkpoint_step) == ("succeeded", "a name", 120)
    assert (record.billed_seconds, record.cost_usd) == (7200, 1.9552)
    assert (record.instance.state, record.instance.stopped_at) == ("stopped", account.time())
    assert (record.hub_repo, record.hub_revision) == ("local/Llama-adapter", "abc")
    assert record.archive_uri == archived["archive"]["uri"]
    assert record.metrics.after.macro_f1 == 0.9
    assert answer["status"] == "succeeded"


def test_completing_gives_the_instance_back_and_completing_twice_changes_nothing(account, archived):
    first = complete_run.handler(archived, None)
    written = account.store.read(account.keys.record)
    assert account.lease().owner_arn is None
    account.time.forward(minutes=1)
    assert complete_run.handler(archived, None) == first
    assert account.store.read(account.keys.record) == written


def test_a_run_that_lost_its_lease_does_not_claim_success(account, archived):
    account.leases.release(RUN_ID, 1)
    with pytest.raises(LeaseLostError):
        complete_run.handler(archived, None)
    assert account.store.read(account.keys.record) is None


def test_a_late_completion_leaves_the_failure_that_was_recorded_before_it(account, archived, monkeypatch):
    failed = json.dumps(
        {
            "run_id": RUN_ID, "run_name": "a name", "execution_arn": EXECUTION_ARN, "status": "failed",
            "started_at": START.isoformat(), "finished_at": START.isoformat(), "instance": None,
            "billed_seconds": None, "cost_usd": None,
            "failure": {"error": "StepTimedOutError", "cause": "CompleteRun took too long", "state": None},
        }
    ).encode()  # fmt: skip
    account.store.put(account.keys.record, failed)
    found, reads = complete_run.find_record, []

    def unseen_at_first(*place):
        reads.append(place)
        return None if len(reads) == 1 else found(*place)

    monkeypatch.setattr(complete_run, "find_record", unseen_at_first)
    complete_run.handler(archived, None)
    assert account.store.read(account.keys.record) == failed


def test_the_record_lists_storage_and_requests_beside_the_instance(account, archived, monkeypatch):
    monkeypatch.setenv("VOLUME_SIZES_GIB", "100,100")
    events = [{"type": "TaskStateEntered"}, {"type": "TaskScheduled"}]
    answering("stepfunctions", {"GetExecutionHistory": lambda _: {"events": events}}, monkeypatch)
    complete_run.handler(archived, None)
    record = _record(account)
    assert [(item.kind, item.amount) for item in record.costs] == [
        ("instance", 7200), ("storage", 7200), ("state transitions", 1), ("function calls", 1),
    ]  # fmt: skip
    assert record.cost_usd == pytest.approx(1.9552 + 0.08 * 200 * 2 / 730 + 0.000025, abs=1e-4)


def test_a_run_is_billed_at_the_prices_of_its_own_configuration(account, archived):
    account.write_spec(1, prices={"usd_per_hour": {"g6.2xlarge": 0.5}})
    complete_run.handler(archived, None)
    assert _record(account).cost_usd == 1.0


def test_a_record_that_s3_neither_takes_nor_shows_is_no_success(account, archived, monkeypatch):
    monkeypatch.setattr(ObjectStore, "put_once", lambda *_: False)
    with pytest.raises(AwsUnavailableError, match="does not show it"):
        complete_run.handler(archived, None)
    assert account.lease().is_held_by(RUN_ID)


def test_two_launches_are_billed_together(account, archived):
    second = Launch(instance_type="g5.2xlarge", launched_at=account.time())
    account.leases.record_launch(RUN_ID, 1, second, START + timedelta(hours=6))
    account.time.forward(hours=1)
    account.leases.record_stop(RUN_ID, 1, second)
    complete_run.handler(archived, None)
    assert _record(account).cost_usd == pytest.approx(1.9552 + 1.212)
    launches = _record(account).instance.launches
    assert [one.instance_type for one in launches] == ["g6.2xlarge", "g5.2xlarge"]
    assert (launches[1].stopped_at - launches[1].launched_at).total_seconds() == 3600
