"""PrepareRun refuses what cannot work, each under its own name, before anyone has the instance and without EC2."""

import json

import pytest
from slm_core import hub
from slm_core.aws import client
from slm_core.errors import (
    BaseModelMissingError,
    ConfigInvalidError,
    DatasetMissingError,
    HubTokenMissingError,
    HubTokenRefusedError,
    HubUnavailableError,
    InstanceBusyError,
    RunExistsError,
    SettingInvalidError,
    SettingMissingError,
)
from slm_core.records import RunSpec

from lambdas.prepare_run import handler
from tests.unit.emulated_account import (
    DATASET_SHA256,
    EXECUTION_ARN,
    RUN_ID,
    START,
    a_record,
    answering,
    store_settings,
)

NOTE = "the patient's note"
GENERATED = "Synthetic instruction-tuning dataset: cancer information extraction"


@pytest.fixture
def prepared(account, monkeypatch):
    """An account in which a run can be prepared; any EC2 call fails."""
    store_settings(account)
    for name in ("read", "write"):
        client("secretsmanager").create_secret(Name=account.secret(name), SecretString=f"hf_{name}")
    account.put_json(f"datasets/{DATASET_SHA256}/manifest.json", {"files": {}})

    def who_is(access):
        return hub.Identity.model_validate(
            {"name": "local", "auth": {"accessToken": {"role": access.token.removeprefix("hf_")}}}
        )

    def require_reading(access, repo_id, revision):
        account.asked_to_read.append((access.token, repo_id, revision))

    def no_ec2(operation, _request):
        raise AssertionError(f"PrepareRun called EC2's {operation}")

    account.asked_to_read = []
    monkeypatch.setattr(hub, "who_is", who_is)
    monkeypatch.setattr(hub, "require_reading", require_reading)
    monkeypatch.setattr(client("ec2"), "_make_api_call", no_ec2)
    return account


def _prepare(request=None, *, name=RUN_ID):
    execution = {"arn": EXECUTION_ARN, "name": name, "started_at": START.isoformat()}
    return handler({"request": {} if request is None else request, "execution": execution}, None)


def _spec(account):
    return RunSpec.model_validate_json(account.store.read(account.keys.spec))


def test_an_empty_request_is_prepared_with_the_defaults(prepared):
    run = _prepare()
    spec = _spec(prepared)
    assert (run["run_id"], run["fence"], run["instance_id"]) == (RUN_ID, 1, prepared.instance_id)
    assert run["run_uri"] == f"s3://{prepared.env.bucket_name}/runs/{RUN_ID}/run.json"
    assert (spec.run_id, spec.fence, spec.dataset_sha256, spec.run_name) == (RUN_ID, 1, DATASET_SHA256, RUN_ID)
    assert spec.instance_types == ("g6.2xlarge", "g5.2xlarge")
    assert prepared.lease().is_held_by(RUN_ID)


def test_overrides_reach_run_json(prepared):
    _prepare({"training": {"epochs": 1}, "budget_usd": 3, "publish": False, "run_name": "trial", "Comment": "console"})
    spec = _spec(prepared)
    assert (spec.config.training.epochs, spec.config.limits.budget_usd, spec.config.publish.enabled) == (1, 3, False)
    assert spec.run_name == "trial"


def test_preparing_twice_writes_the_same(prepared):
    first, spec = _prepare(), _spec(prepared)
    prepared.time.forward(minutes=5)
    assert (_prepare(), _spec(prepared)) == (first, spec)


def test_the_id_of_a_run_that_has_ended_is_refused_and_nothing_changes(prepared):
    spec = _prepare() and _spec(prepared)
    prepared.leases.release(RUN_ID, 1)
    prepared.store.put(prepared.keys.record, a_record().model_dump_json().encode())
    prepared.time.forward(days=91)
    with pytest.raises(RunExistsError, match=rf"{RUN_ID} .* ended at 2026-"):
        _prepare()
    assert _spec(prepared) == spec
    assert (prepared.lease().owner_arn, prepared.lease().fence) == (None, 1)


def test_neither_the_state_nor_run_json_carries_a_token_or_the_request(prepared):
    state = json.dumps(_prepare({"run_name": "trial"}))
    written = prepared.store.read(prepared.keys.spec).decode()
    assert "hf_read" not in state + written
    assert "hf_write" not in state + written
    assert "request" not in state
    assert "write_token" not in written


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ([], "an array"),
        (NOTE, "a string"),
        ({"nonsense": 1}, "nonsense: unknown key"),
        ({"training": {"learning_rate": -1}}, r"training\.learning_rate"),
        ({"training": {"epochs": 0, "seed": -1}}, r"training\.epochs.*training\.seed"),
        ({"detail-type": "x", "detail": {}, "source": "y"}, "set the target's input to {}"),
        ({"publish": "yes"}, "true or false"),
        ({"instance_types": ["p5.48xlarge"]}, r"no price for p5\.48xlarge"),
    ],
)
def test_a_request_that_cannot_be_right_is_refused_by_name(prepared, request_, told):
    with pytest.raises(ConfigInvalidError, match=told) as raised:
        _prepare(request_)
    assert NOTE not in str(raised.value)
    assert prepared.lease().owner_arn is None


def test_null_is_refused_by_name(prepared):
    execution = {"arn": EXECUTION_ARN, "name": RUN_ID, "started_at": START.isoformat()}
    with pytest.raises(ConfigInvalidError, match="null"):
        handler({"request": None, "execution": execution}, None)


@pytest.mark.parametrize("name", ["run.1", "run 1", "a+b"])
def test_an_execution_name_that_is_no_run_id_is_refused(prepared, name):
    with pytest.raises(ConfigInvalidError, match="name"):
        _prepare(name=name)


def test_a_dataset_that_is_not_in_the_bucket_is_missing(prepared):
    prepared.store.delete(f"datasets/{DATASET_SHA256}/manifest.json")
    with pytest.raises(DatasetMissingError):
        _prepare()


@pytest.mark.parametrize(("manifest", "is_synthetic"), [({}, False), ({"synthetic": True}, True)])
def test_whether_the_notes_are_synthetic_is_what_the_manifest_says_at_this_run(prepared, manifest, is_synthetic):
    prepared.put_json(f"datasets/{DATASET_SHA256}/manifest.json", {"files": {}} | manifest)
    _prepare()
    assert _spec(prepared).dataset_is_synthetic is is_synthetic


@pytest.mark.parametrize(
    ("manifest", "title"),
    [
        ({"title": "Notes of nobody", "generator_version": "9"}, "Notes of nobody"),
        ({"generator_version": "2.0.0"}, f"{GENERATED}, version 2.0.0"),
        ({}, None),
    ],
)
def test_the_dataset_is_called_in_run_json_what_its_manifest_calls_it(prepared, manifest, title):
    prepared.put_json(f"datasets/{DATASET_SHA256}/manifest.json", {"files": {}} | manifest)
    _prepare()
    assert _spec(prepared).dataset_title == title


def test_a_missing_setting_is_named(prepared):
    client("ssm").delete_parameter(Name=f"{prepared.env.parameter_root}/image/uri")
    with pytest.raises(SettingMissingError, match="image/uri"):
        _prepare()


def test_a_name_that_the_models_licence_does_not_allow_is_refused_before_anything_starts(prepared):
    name = f"{prepared.env.parameter_root}/hub/publish_repo"
    client("ssm").put_parameter(Name=name, Value="local/clinical-Llama", Type="String", Overwrite=True)
    with pytest.raises(SettingInvalidError, match=r"begin with Llama-\. Correct the value in Parameter Store"):
        _prepare()
    assert prepared.lease().owner_arn is None
    assert _prepare({"publish": False})["run_id"] == RUN_ID


@pytest.mark.parametrize("name", ["read", "write"])
def test_either_missing_token_is_named(prepared, name):
    client("secretsmanager").delete_secret(SecretId=prepared.secret(name), ForceDeleteWithoutRecovery=True)
    with pytest.raises(HubTokenMissingError, match=prepared.secret(name)):
        _prepare()


def test_a_read_token_in_the_place_of_the_write_token_is_refused(prepared):
    client("secretsmanager").put_secret_value(SecretId=prepared.secret("write"), SecretString="hf_read")
    with pytest.raises(HubTokenRefusedError, match=prepared.secret("write")):
        _prepare()
    assert prepared.lease().owner_arn is None


def test_a_run_that_does_not_publish_needs_no_token_that_writes(prepared):
    client("secretsmanager").delete_secret(SecretId=prepared.secret("write"), ForceDeleteWithoutRecovery=True)
    assert _prepare({"publish": False})["run_id"] == RUN_ID


def test_the_reading_token_is_tried_on_the_pinned_base_model(prepared):
    _prepare()
    assert prepared.asked_to_read == [("hf_read", "meta-llama/Llama-3.1-8B-Instruct", "c" * 40)]


@pytest.mark.parametrize("error", [HubTokenRefusedError, BaseModelMissingError, HubUnavailableError])
def test_a_base_model_that_cannot_be_read_leaves_the_instance_free(prepared, monkeypatch, error):
    def require_reading(*_):
        raise error("no")

    monkeypatch.setattr(hub, "require_reading", require_reading)
    with pytest.raises(error):
        _prepare()
    assert prepared.lease().owner_arn is None


def test_a_busy_instance_is_told_without_touching_its_run(prepared, monkeypatch):
    prepared.take_lease("run-0", EXECUTION_ARN.replace(RUN_ID, "run-0"))
    answering("stepfunctions", {"DescribeExecution": lambda _: {"status": "RUNNING"}}, monkeypatch)
    with pytest.raises(InstanceBusyError, match="run-0"):
        _prepare()
    assert prepared.lease().is_held_by("run-0")
    assert prepared.store.read(prepared.keys.spec) is None
