"""ArchiveArtifacts, AssessModel and CompleteRun: what is kept, what is rejected, and what the record says."""

from datetime import timedelta

import pytest
from slm_core.errors import ArtifactCorruptError, LeaseLostError, ModelRejectedError
from slm_core.lease import Launch
from slm_core.records import RunRecord

from lambdas import archive_artifacts, assess_model, complete_run
from tests.unit.emulated_account import RUN_ID, START, metrics_json


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


def test_every_bound_that_a_rejected_model_missed_is_named(account, archived):
    account.write_spec(1, gate__macro_f1_min=0.95, gate__field_f1_min=0.99, gate__json_valid_min=1.0)
    with pytest.raises(ModelRejectedError, match=r"macro-F1 0\.900.*F1 of stage 0\.900"):
        assess_model.handler(archived, None)


@pytest.mark.parametrize("content", [b"{}", metrics_json(macro_f1=1.0)])
def test_metrics_that_are_not_the_manifests_are_not_believed(account, archived, content):
    account.store.put(f"models/{RUN_ID}/metrics.json", content)
    with pytest.raises(ArtifactCorruptError):
        assess_model.handler(archived, None)


def test_the_record_says_what_the_run_used_and_where_everything_is(account, archived):
    account.put_progress(checkpoint_step=120)
    archived["publication"] = {"repo_id": "local/adapter", "revision": "abc"}
    answer = complete_run.handler(archived, None)
    record = _record(account)
    assert (record.status, record.run_name, record.last_checkpoint_step) == ("succeeded", "a name", 120)
    assert (record.billed_seconds, record.cost_usd) == (7200, 1.9552)
    assert (record.instance.state, record.instance.stopped_at) == ("stopped", account.time())
    assert (record.hub_repo, record.hub_revision) == ("local/adapter", "abc")
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


def test_two_launches_are_billed_together(account, archived):
    second = Launch(instance_type="g5.2xlarge", launched_at=account.time())
    account.leases.record_launch(RUN_ID, 1, second, START + timedelta(hours=6))
    account.time.forward(hours=1)
    account.leases.record_stop(RUN_ID, 1, second)
    complete_run.handler(archived, None)
    assert _record(account).cost_usd == pytest.approx(1.9552 + 1.212)
