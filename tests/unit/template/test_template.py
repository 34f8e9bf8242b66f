"""What template.yaml promises to the workflow and to whoever fears for a running instance."""

import json
import re
import tomllib

import pytest
import yaml
from slm_core.settings import load_setting_specs

from fine_tune_slm.localcloud.deploy.translation import read_template, translate
from fine_tune_slm.naming import STAGE_PATTERN, parameter_root, stack_name
from tests.unit.emulated_account import ROOT

PARAMETERS = {"ImageId": "ami-0f00d000000000000"}
TEMPLATE = read_template(ROOT / "template.yaml")


def _translated(core="core-1.zip"):
    """Return the template as CloudFormation gets it from a packaged one."""
    template = read_template(ROOT / "template.yaml")
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        for key in ("ContentUri", "CodeUri", "DefinitionUri"):
            if key in properties:
                properties[key] = f"s3://artifacts/{core if name == 'CoreLayer' else name}"
    template["Globals"]["Function"]["CodeUri"] = "s3://artifacts/lambdas"
    return translate(template, PARAMETERS, "us-east-1")


@pytest.fixture(scope="module")
def translated():
    """The translated template."""
    return _translated()


def _of_type(template, type_):
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == type_}


def test_a_change_in_core_alone_publishes_every_function_anew(translated):
    before, after = (set(_of_type(one, "AWS::Lambda::Version")) for one in (translated, _translated("core-2.zip")))
    assert len(before) == len(_of_type(translated, "AWS::Lambda::Function"))
    assert before.isdisjoint(after)


def test_the_same_core_publishes_nothing(translated):
    assert set(_of_type(_translated(), "AWS::Lambda::Version")) == set(_of_type(translated, "AWS::Lambda::Version"))


def test_the_workflow_calls_published_versions(translated):
    (machine,) = _of_type(translated, "AWS::StepFunctions::StateMachine").values()
    called = {one["Ref"] for one in machine["DefinitionSubstitutions"].values()}
    outside = set(_of_type(translated, "AWS::Lambda::Version")) - called
    assert len(called) == 11
    assert {name.partition("Function")[0] for name in outside} == {"ReapRun", "SweepInstances"}


def test_no_layer_outlives_the_stack(translated):
    layers = [one for one in translated["Resources"].values() if one["Type"] == "AWS::Lambda::LayerVersion"]
    assert len(layers) == len(_of_type(TEMPLATE, "AWS::Serverless::LayerVersion"))
    assert {layer.get("DeletionPolicy") for layer in layers} == {"Delete"}


def test_the_stack_owns_the_parameters_that_the_configuration_says_it_owns():
    specs = load_setting_specs(ROOT / "config" / "aws_config.yml", "/a-root")
    owned = {spec.ssm_param for spec in specs if spec.owner == "stack"}
    names = [one["Name"]["Fn::Sub"] for one in _of_type(TEMPLATE, "AWS::SSM::Parameter").values()]
    assert {name.replace("${ParameterRoot}/${Stage}", "/a-root") for name in names} == owned


def test_every_function_logs_to_a_group_that_forgets():
    groups = _of_type(TEMPLATE, "AWS::Logs::LogGroup")
    for name, function in _of_type(TEMPLATE, "AWS::Serverless::Function").items():
        group = groups[function["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["LogGroupName"]["Fn::Sub"] == f"/aws/lambda/{function['FunctionName']['Fn::Sub']}", name
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_only_publish_model_has_the_hubs_library_and_only_two_functions_see_the_token_that_writes():
    functions = _of_type(TEMPLATE, "AWS::Serverless::Function")
    assert {name: one["Layers"] for name, one in functions.items() if "Layers" in one} == {
        "StartTrainingFunction": [{"Ref": "HostLayer"}],
        "PublishModelFunction": [{"Ref": "HubLayer"}],
    }
    readers = {name for name, one in functions.items() if "HubWriteTokenSecret" in json.dumps(one["Policies"])}
    assert readers == {"PrepareRunFunction", "PublishModelFunction"}


def test_the_host_reads_no_token_that_writes_and_may_do_nothing_to_instances_or_executions():
    policies = json.dumps(_of_type(TEMPLATE, "AWS::IAM::Role")["InstanceRole"])
    assert "HubReadTokenSecret" in policies
    assert "HubWriteTokenSecret" not in policies
    assert not re.search(r'"(ec2|states|iam|dynamodb):', policies)


def test_no_function_may_run_or_terminate_an_instance():
    policies = json.dumps([one["Policies"] for one in _of_type(TEMPLATE, "AWS::Serverless::Function").values()])
    assert not re.search(r"ec2:(RunInstances|TerminateInstances|\*)", policies)
    assert '"Action": "*"' not in policies


def test_the_instance_stops_where_others_terminate_and_keeps_its_metadata_to_itself():
    instance = _of_type(TEMPLATE, "AWS::EC2::Instance")["GpuInstance"]
    assert instance["InstanceInitiatedShutdownBehavior"] == "stop"
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert "SecurityGroupIngress" not in _of_type(TEMPLATE, "AWS::EC2::SecurityGroup")["InstanceSecurityGroup"]


def test_the_schedule_is_off_until_it_is_switched_on_and_starts_with_the_defaults(translated):
    schedule = _of_type(translated, "AWS::Scheduler::Schedule")["FineTuneStateMachineSchedule"]
    assert schedule["State"] == {"Ref": "ScheduleState"}
    assert TEMPLATE["Parameters"]["ScheduleState"]["Default"] == "DISABLED"
    assert schedule["Target"]["Input"] == "{}"


def test_the_stage_stands_in_every_name():
    keys = {"Name", *(f"{kind}Name" for kind in ("Function", "Layer", "LogGroup", "Table", "Repository", "Topic"))}
    keys |= {"QueueName", "AlarmName", "DashboardName", "RoleName"}
    resources = TEMPLATE["Resources"].items()
    named = {(id_, key): one["Properties"][key] for id_, one in resources for key in keys & one["Properties"].keys()}
    assert len(named) > 40
    assert [where for where, name in named.items() if "${Stage}" not in json.dumps(name)] == []


def test_the_settings_lie_under_root_and_stage():
    names = [one["Name"]["Fn::Sub"] for one in _of_type(TEMPLATE, "AWS::SSM::Parameter").values()]
    assert all(name.startswith("${ParameterRoot}/${Stage}/") for name in names)
    root = {"Fn::Sub": "${ParameterRoot}/${Stage}"}
    assert TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["PARAMETER_ROOT"] == root
    assert TEMPLATE["Outputs"]["ParameterRoot"]["Value"] == root


@pytest.mark.parametrize("environment", ["default", "staging"])
def test_every_environment_of_samconfig_names_its_stack_after_its_stage(environment):
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))[environment]
    (override,) = config["deploy"]["parameters"]["parameter_overrides"]
    stage = override.removeprefix("Stage=")
    assert config["global"]["parameters"]["stack_name"] == stack_name(stage)
    assert parameter_root(stage) == f"{TEMPLATE['Parameters']['ParameterRoot']['Default']}/{stage}"
    assert re.fullmatch(TEMPLATE["Parameters"]["Stage"]["AllowedPattern"], stage)
    assert TEMPLATE["Parameters"]["Stage"]["AllowedPattern"] == STAGE_PATTERN


def test_only_the_image_must_be_looked_up():
    assert [name for name, one in TEMPLATE["Parameters"].items() if "Default" not in one] == ["ImageId"]


def test_every_allowed_type_of_the_configuration_has_a_price():
    prices = yaml.safe_load((ROOT / "config" / "prices.yml").read_text(encoding="utf-8"))["usd_per_hour"]
    specs = load_setting_specs(ROOT / "config" / "aws_config.yml")
    types = next(spec.default for spec in specs if spec.name == "instance.allowed_types")
    assert {*types.split(","), TEMPLATE["Parameters"]["InstanceType"]["Default"]} <= set(prices)


@pytest.mark.parametrize("layer", ["core", "layers/hub"])
def test_the_layers_carry_the_versions_that_were_tested(layer):
    lines = (ROOT / layer / "requirements.txt").read_text(encoding="utf-8").splitlines()
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if not line.startswith("#")} <= set(tested)


def test_the_functions_know_the_sizes_of_the_disks_that_the_stack_makes():
    told = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["VOLUME_SIZES_GIB"]
    (root,) = TEMPLATE["Resources"]["GpuInstance"]["Properties"]["BlockDeviceMappings"]
    root_gib = str(root["Ebs"]["VolumeSize"])
    both = {"Fn::Sub": f"{root_gib},${{CheckpointVolumeGiB}}"}
    assert told == {"Fn::If": ["MakesInstance", {"Fn::If": ["MakesVolume", both, root_gib]}, ""]}
