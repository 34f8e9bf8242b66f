"""Requests that cannot work: each ends FAILED with its own error and its remedy, and EC2 hears nothing of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

SECRET = "Jane-Roe-of-Springfield"
ENVELOPE = {
    "version": "0",
    "id": "1",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "detail": {"x": SECRET},
}


@pytest.fixture
def untouched_instance(tiny_stage) -> Iterator[None]:
    """Fails when the instance is anything but what it was before the test."""
    before = tiny_stage.instance()
    yield
    after = tiny_stage.instance()
    assert after["State"]["Name"] == "stopped"
    assert (after["LaunchTime"], after["Tags"]) == (before["LaunchTime"], before["Tags"])


@contextlib.contextmanager
def without_parameter(ssm, name: str) -> Iterator[None]:
    kept = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.delete_parameter(Name=name)
    try:
        yield
    finally:
        ssm.put_parameter(Name=name, Value=kept, Type="String")


@contextlib.contextmanager
def with_secret(tiny_stage, output: str, value: str) -> Iterator[None]:
    secrets, secret_id = tiny_stage.cloud.client("secretsmanager"), tiny_stage.stage.outputs[output]
    kept = secrets.get_secret_value(SecretId=secret_id)["SecretString"]
    secrets.put_secret_value(SecretId=secret_id, SecretString=value)
    try:
        yield
    finally:
        secrets.put_secret_value(SecretId=secret_id, SecretString=kept)


@pytest.mark.usefixtures("untouched_instance")
@pytest.mark.parametrize(
    ("name", "execution_input", "named"),
    [
        ("learning-rate", {"training": {"learning_rate": -1}}, "training.learning_rate"),
        ("unknown-key", {"nonsense": 1}, "nonsense: unknown key"),
        ("two-problems", {"publish": SECRET, "max_hours": -3}, "publish"),
        ("array", [], "an array"),
        ("string", SECRET, "a string"),
        ("null", None, "null"),
        ("envelope", ENVELOPE, "EventBridge envelope"),
        ("large-string", SECRET * 9_000, "a string"),
        ("secret-key", {SECRET * 4: 1}, "unknown key"),
    ],
)
def test_an_input_that_cannot_work_is_refused_without_an_echo(tiny_stage, name, execution_input, named):
    result = tiny_stage.run(name, json.dumps(execution_input))
    assert result.timeline.status == "FAILED"
    assert result.card.error == "ConfigInvalidError"
    assert named in result.card.cause
    assert SECRET not in result.card.cause
    assert result.card.state == "PrepareRun"
    assert result.card.next_command.startswith("nothing was started")
    assert result.card.is_instance_safe


def test_several_problems_are_named_at_once(tiny_stage):
    result = tiny_stage.run("both", json.dumps({"publish": "yes", "max_hours": -3, "nonsense": 1}))
    assert all(key in result.card.cause for key in ("publish", "max_hours", "nonsense"))


def test_an_input_over_the_limit_is_refused_by_step_functions_itself(tiny_stage):
    states = tiny_stage.cloud.client("stepfunctions")
    with pytest.raises(states.exceptions.ClientError):
        tiny_stage.run("too-large", json.dumps("x" * 262_144))


@pytest.mark.usefixtures("untouched_instance")
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("storage/dataset_sha256", "DatasetMissingError"),
        ("image/uri", "SettingMissingError"),
        ("hub/publish_repo", "SettingMissingError"),
    ],
)
def test_a_missing_parameter_has_its_own_error(tiny_stage, name, error):
    with without_parameter(tiny_stage.cloud.client("ssm"), f"{tiny_stage.stage.outputs['ParameterRoot']}/{name}"):
        result = tiny_stage.run(f"without-{name.replace('/', '-')}")
    assert result.card.error == error
    assert name in result.card.cause


@pytest.mark.usefixtures("untouched_instance")
@pytest.mark.parametrize("output", ["HubReadTokenSecretId", "HubWriteTokenSecretId"])
def test_a_refused_hub_token_is_known_before_the_instance_starts(tiny_stage, output):
    with with_secret(tiny_stage, output, "hf_not-a-token-of-this-hub"):
        result = tiny_stage.run(f"refused-{output}")
    assert result.card.error == "HubTokenRefusedError"
    assert "hf_" not in result.card.cause


@pytest.mark.usefixtures("untouched_instance")
def test_a_write_token_that_can_only_read_is_refused(tiny_stage):
    with with_secret(tiny_stage, "HubWriteTokenSecretId", tiny_stage.stage.read_token):
        result = tiny_stage.run("read-only-writer")
    assert result.card.error == "HubTokenRefusedError"
    assert tiny_stage.stage.read_token not in result.card.cause


@pytest.mark.usefixtures("untouched_instance")
def test_a_gated_model_whose_licence_was_not_accepted_is_known_before_the_instance_starts(tiny_stage):
    stranger = tiny_stage.cloud.hub.create_token("read", ["local/another-model"])
    with with_secret(tiny_stage, "HubReadTokenSecretId", stranger):
        result = tiny_stage.run("gated")
    assert result.card.error == "HubTokenRefusedError"
    assert "may not read" in result.card.cause
    assert "accept the model's licence" in result.card.cause
    assert stranger not in result.card.cause


@pytest.mark.usefixtures("untouched_instance")
def test_a_revision_that_the_base_model_does_not_have_is_known_before_the_instance_starts(tiny_stage):
    ssm, name = tiny_stage.cloud.client("ssm"), "/fine-tune-slm/prod/hub/base_model_revision"
    with without_parameter(ssm, name):
        ssm.put_parameter(Name=name, Value="f" * 40, Type="String")
        result = tiny_stage.run("no-such-revision")
        ssm.delete_parameter(Name=name)
    assert result.card.error == "BaseModelMissingError"
    assert "Check hub/base_model_revision" in result.card.cause
