"""`params check`, `set` and `stages` against emulated AWS."""

from __future__ import annotations

import json
import sys

import pytest
from slm_core.errors import ConfigInvalidError
from slm_core.prices import load_prices
from slm_core.settings import load_setting_specs

from fine_tune_slm import cli
from fine_tune_slm.errors import ArgumentInvalidError
from fine_tune_slm.parameter_check import OUTPUT_OF, parameter_problems
from fine_tune_slm.parameter_setting import StageRoot, find_stages, set_parameter
from fine_tune_slm.parameters import read_parameters
from tests.unit.fine_tune_slm.conftest import PROJECT

CONFIG = PROJECT / "config" / "aws_config.yml"
SPECS = load_setting_specs(CONFIG)
PRICES = load_prices(PROJECT / "config" / "prices.yml")
REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/training"
OUTPUTS = {
    "InstanceId": "i-0123456789abcdef0",
    "BucketName": "a-bucket",
    "CommandDocumentName": "a-document",
    "TrainingLogGroupName": "a-log-group",
    "HubReadTokenSecretId": "read-secret",
    "HubWriteTokenSecretId": "write-secret",
    "RepositoryUri": REPOSITORY,
}
RIGHT = {
    **{name: OUTPUTS[output] for name, output in OUTPUT_OF.items()},
    "storage.dataset_sha256": "d" * 64,
    "image.uri": f"{REPOSITORY}@sha256:{'e' * 64}",
    "hub.base_model_revision": "a" * 40,
    "hub.publish_repo": "group/Llama-model",
}


def stored(**changes: str | None) -> dict[str, str]:
    names = {spec.name: spec.ssm_param for spec in SPECS}
    values = RIGHT | {name.replace("__", "."): value for name, value in changes.items()}
    return {names[name]: value for name, value in values.items() if value is not None}


@pytest.fixture
def ssm(account):
    return account.client("ssm")


def test_right_settings_have_no_problem_and_a_default_needs_no_parameter():
    assert parameter_problems(SPECS, stored(), OUTPUTS) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hub__publish_repo": None}, "/fine-tune-slm/hub/publish_repo is missing (owner: init)"),
        ({"hub__base_model_revision": "main"}, "/fine-tune-slm/hub/base_model_revision is malformed"),
        ({"instance__id": "i-00000000000000000"}, "/fine-tune-slm/instance/id is not the stack's InstanceId"),
        ({"image__uri": f"{REPOSITORY}-other:tag"}, "/fine-tune-slm/image/uri names another repository than the"),
        ({"instance__allowed_types": ""}, "/fine-tune-slm/instance/allowed_types is malformed"),
    ],
)
def test_each_problem_is_named_with_what_mends_it(changes, told):
    (found,) = parameter_problems(SPECS, stored(**changes), OUTPUTS)
    assert found.told.startswith(told)
    assert found.remedy


def test_every_setting_that_the_stack_owns_is_compared_with_it():
    assert set(OUTPUT_OF) == {spec.name for spec in SPECS if spec.owner == "stack"}


def test_a_setting_is_changed_and_both_values_are_told(ssm):
    specs = load_setting_specs(CONFIG, "/a/stage")
    first = set_parameter(ssm, specs, PRICES, "hub.publish_repo", "group/Llama-one")
    second = set_parameter(ssm, specs, PRICES, "hub.publish_repo", "group/Llama-two")
    assert first.line() == "/a/stage/hub/publish_repo: (absent) -> group/Llama-one"
    assert second.line() == "/a/stage/hub/publish_repo: group/Llama-one -> group/Llama-two"
    assert read_parameters(ssm, ["/a/stage/hub/publish_repo"]) == {"/a/stage/hub/publish_repo": "group/Llama-two"}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("storage.bucket", "a-bucket", "owned by stack: Deploy the template again"),
        ("storage.dataset_sha256", "d" * 64, "owned by dataset: fine-tune-slm dataset publish"),
        ("hub.nonsense", "x", "no such setting; these can be set: instance.allowed_types, image.uri"),
        ("hub.base_model_revision", "main", "cannot have this value: "),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_and_nothing_is_written(ssm, name, value, why):
    with pytest.raises(ArgumentInvalidError, match=why):
        set_parameter(ssm, SPECS, PRICES, name, value)
    assert ssm.describe_parameters()["Parameters"] == []


def test_a_type_without_a_price_is_refused(ssm):
    with pytest.raises(ConfigInvalidError, match=r"no price for p5\.48xlarge"):
        set_parameter(ssm, SPECS, PRICES, "instance.allowed_types", "g6.2xlarge, p5.48xlarge")
    assert set_parameter(ssm, SPECS, PRICES, "instance.allowed_types", "g6.2xlarge, g5.2xlarge").before is None


def test_stages_are_found_by_what_their_stacks_wrote(ssm):
    for name, value in {
        "/fine-tune-slm/prod/command/document_name": "one",
        "/fine-tune-slm/prod/storage/bucket": "prod-bucket",
        "/elsewhere/command/document_name": "two",
        "/fine-tune-slm/prod/command/document_name_of_another": "three",
    }.items():
        ssm.put_parameter(Name=name, Value=value, Type="String")
    assert find_stages(ssm, SPECS) == (
        StageRoot("/elsewhere", None),
        StageRoot("/fine-tune-slm/prod", "prod-bucket"),
    )


def _deploy(account) -> None:
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    template = {"Resources": topic, "Outputs": {name: {"Value": value} for name, value in OUTPUTS.items()}}
    account.client("cloudformation").create_stack(StackName="a-stack", TemplateBody=json.dumps(template))


def _run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["fine-tune-slm", "params", *arguments])
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_command_checks_against_the_stacks_own_outputs(account, ssm, monkeypatch, capsys):
    _deploy(account)
    for name, value in stored().items():
        ssm.put_parameter(Name=name, Value=value, Type="String")
    root = ("--parameter-root", "/fine-tune-slm", "--stack-name", "a-stack")
    assert _run(monkeypatch, "check", *root) == 0
    assert "agree with the stack" in capsys.readouterr().out
    ssm.put_parameter(Name="/fine-tune-slm/instance/id", Value="i-00000000000000000", Overwrite=True)
    assert _run(monkeypatch, "check", *root) == 2
    captured = capsys.readouterr()
    assert "/fine-tune-slm/instance/id is not the stack's InstanceId. Deploy the template again" in captured.out
    assert "1 of 11 settings are not right" in captured.err


def test_without_a_stack_the_command_names_it(account, monkeypatch, capsys):
    assert _run(monkeypatch, "check", "--stack-name", "none-such") == 2
    assert "no stack none-such" in capsys.readouterr().err


def test_stages_and_set_are_told_on_the_command_line(account, ssm, monkeypatch, capsys):
    assert _run(monkeypatch, "stages") == 0
    assert "No stage has been deployed" in capsys.readouterr().out
    ssm.put_parameter(Name="/a/command/document_name", Value="x", Type="String")
    assert _run(monkeypatch, "stages") == 0
    assert capsys.readouterr().out == "/a  bucket (absent)\n"
    assert _run(monkeypatch, "set", "hub.publish_repo", "group/Llama-x", "--parameter-root", "/a") == 0
    assert capsys.readouterr().out == "/a/hub/publish_repo: (absent) -> group/Llama-x\n"


@pytest.fixture
def told(account, monkeypatch, capsys):
    """A function that returns the exit code of a verb, and its document."""

    def tell(*arguments):
        code = _run(monkeypatch, *arguments, "--json")
        return code, json.loads(capsys.readouterr().out)

    return tell


def test_for_machines_init_says_what_it_does_about_each_setting(told):
    code, document = told("init", "--dry-run", "--set", "hub.publish_repo=group/Llama-x")
    assert code == 0
    assert document["is_dry_run"]
    actions = {one["name"]: (one["action"], one["value"]) for one in document["settings"]}
    assert actions["hub.publish_repo"] == ("create", "group/Llama-x")
    assert actions["hub.base_model_revision"] == ("needs_value", None)
    assert actions["instance.id"] == ("owned_by_another", None)
    assert told("init")[0] == 2


def test_for_machines_list_tells_what_is_stored_from_defaults(ssm, told):
    ssm.put_parameter(Name="/a/hub/publish_repo", Value="group/Llama-x", Type="String")
    code, document = told("list", "--parameter-root", "/a")
    assert code == 0
    settings = {one["name"]: one for one in document["settings"]}
    assert settings["hub.publish_repo"] == {
        "name": "hub.publish_repo",
        "parameter": "/a/hub/publish_repo",
        "owner": "init",
        "stored": "group/Llama-x",
        "default": None,
    }
    assert settings["instance.allowed_types"]["stored"] is None
    assert settings["instance.allowed_types"]["default"] == "g6.2xlarge,g5.2xlarge"


def test_for_machines_check_lists_problems_with_remedies_and_keeps_its_exit_code(account, ssm, told):
    _deploy(account)
    root = ("--parameter-root", "/fine-tune-slm", "--stack-name", "a-stack")
    for name, value in stored(hub__publish_repo=None).items():
        ssm.put_parameter(Name=name, Value=value, Type="String")
    code, document = told("check", *root)
    assert (code, document["settings"]) == (2, len(SPECS))
    [problem] = document["problems"]
    assert problem["name"] == "hub.publish_repo"
    assert problem["remedy"] == "fine-tune-slm params set hub.publish_repo VALUE"
    assert told("set", "hub.publish_repo", "group/Llama-x", *root[:2]) == (
        0,
        {"ssm_param": "/fine-tune-slm/hub/publish_repo", "before": None, "after": "group/Llama-x"},
    )
    assert told("check", *root) == (0, {"settings": len(SPECS), "problems": []})


def test_for_machines_stages_are_a_list_that_may_be_empty(ssm, told):
    assert told("stages") == (0, {"stages": []})
    ssm.put_parameter(Name="/a/command/document_name", Value="x", Type="String")
    assert told("stages") == (0, {"stages": [{"root": "/a", "bucket": None}]})
