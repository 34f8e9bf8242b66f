"""The checks of account and stack, each with the thing it looks at spoilt."""

from datetime import timedelta

import pytest
from slm_core.aws import client
from slm_core.errors import DatasetMissingError, SettingMissingError

from fine_tune_slm.doctor.checks.account_region import look_at_region
from fine_tune_slm.doctor.checks.credentials import look_at_credentials
from fine_tune_slm.doctor.checks.image import look_at_image
from fine_tune_slm.doctor.checks.memory_plan import look_at_memory_plan
from fine_tune_slm.doctor.checks.price_table import look_at_prices
from fine_tune_slm.doctor.checks.published_dataset import look_at_published_dataset
from fine_tune_slm.doctor.checks.quota import look_at_quota, quota_of
from fine_tune_slm.doctor.checks.settings import look_at_settings
from fine_tune_slm.doctor.checks.stack_status import look_at_stack
from fine_tune_slm.doctor.checks.stop_protection import look_at_stop_protection
from fine_tune_slm.doctor.checks.sweeper import look_at_sweeper
from fine_tune_slm.doctor.checks.volume import look_at_volume
from fine_tune_slm.doctor.checks.zone import look_at_zone
from fine_tune_slm.doctor.context import Occasion
from fine_tune_slm.doctor.finding import Verdict
from fine_tune_slm.errors import StackMissingError
from tests.unit.emulated_account import DATASET_SHA256, START, aws_error

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def answered(finding):
    return finding.verdict.value, finding.told


def test_the_root_user_is_warned_of(world):
    identity = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root"}
    world.answer("sts", GetCallerIdentity=lambda _: identity)
    assert look_at_credentials(world.context()).verdict is Verdict.WARN


def test_a_role_is_named_by_its_kind_alone(world):
    identity = {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/a-role/a-session"}
    world.answer("sts", GetCallerIdentity=lambda _: identity)
    assert answered(look_at_credentials(world.context())) == (
        "ok",
        "valid: assumed-role of the account that ends in 9012",
    )


def test_a_region_that_does_not_exist_or_is_not_enabled_fails(world):
    def unknown(_):
        raise aws_error("InvalidParameterValue")

    world.answer("ec2", DescribeRegions=unknown)
    assert look_at_region(world.context()).verdict is Verdict.FAIL
    world.answer("ec2", DescribeRegions=lambda _: {"Regions": [{"OptInStatus": "not-opted-in"}]})
    assert look_at_region(world.context()).remedy == "aws account enable-region --region-name us-east-1"


def test_a_region_with_other_prices_is_warned_of(world):
    context = world.context()
    context.__dict__["prices"] = context.prices.model_copy(update={"region": "eu-west-1"})
    assert answered(look_at_region(context)) == ("warn", "us-east-1; the price table is of eu-west-1")


def test_a_new_accounts_quota_of_zero_fails_with_the_command_that_raises_it(world):
    world.quotas["L-DB2E81BA"] = 0.0
    found = look_at_quota(world.context())
    assert answered(found) == (
        "fail",
        "0 vCPUs of 'Running On-Demand G and VT instances' are too few for g6.2xlarge (8 vCPUs), g5.2xlarge (8 vCPUs)",
    )
    assert found.remedy == (
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA --desired-value 8"
    )


def test_a_quota_that_is_too_small_for_one_of_the_types_is_a_warning(world):
    world.set("instance/allowed_types", "g6.2xlarge,g6.4xlarge")
    found = look_at_quota(world.context())
    assert found.verdict is Verdict.WARN
    assert "too few for g6.4xlarge (16 vCPUs)" in found.told


def test_where_the_account_has_no_quota_of_its_own_awss_default_counts(world):
    def none(_):
        raise aws_error("NoSuchResourceException")

    default = {"Quota": {"Value": 8.0}}
    world.answer("service-quotas", GetServiceQuota=none, GetAWSDefaultServiceQuota=lambda _: default)
    assert look_at_quota(world.context()).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("instance_type", "code"),
    [("g6e.xlarge", "L-DB2E81BA"), ("p4d.24xlarge", "L-417A185B"), ("m7i.large", "L-1216C47A")],
)
def test_each_family_has_its_quota(instance_type, code):
    assert quota_of(instance_type).code == code


def _offers(world, offered):
    listed = [{"InstanceType": name, "Location": zone} for name, zones in offered.items() for zone in zones]
    world.answer("ec2", DescribeInstanceTypeOfferings=lambda _: {"InstanceTypeOfferings": listed})


def test_a_zone_that_offers_none_of_the_types_fails_and_names_those_that_do(world):
    _offers(world, {"g6.2xlarge": ["us-east-1e", "us-east-1f"], "g5.2xlarge": ["us-east-1f"]})
    found = look_at_zone(world.context())
    assert found.verdict is Verdict.FAIL
    assert "does not offer g6.2xlarge, g5.2xlarge" in found.told
    assert found.remedy.endswith("one of these zones: us-east-1f.")


def test_a_zone_that_lacks_one_type_is_a_warning(world):
    zone = world.account.describe()["Placement"]["AvailabilityZone"]
    _offers(world, {"g6.2xlarge": [zone], "g5.2xlarge": []})
    found = look_at_zone(world.context())
    assert (found.verdict, found.told.endswith("does not offer g5.2xlarge")) == (Verdict.WARN, True)


def test_before_a_deployment_the_zones_to_choose_from_are_told(world):
    _offers(world, {"g6.2xlarge": ["us-east-1a", "us-east-1b"], "g5.2xlarge": ["us-east-1b"]})
    assert "in us-east-1b" in look_at_zone(world.context(Occasion.BEFORE_DEPLOY)).told
    _offers(world, {})
    assert look_at_zone(world.context(Occasion.BEFORE_DEPLOY)).verdict is Verdict.FAIL


def test_a_type_without_a_price_fails(world):
    world.set("instance/allowed_types", "g6.2xlarge,p5.48xlarge")
    found = look_at_prices(world.context())
    assert answered(found) == ("fail", "config/prices.yml has no price for p5.48xlarge")


def test_limits_that_may_end_a_run_too_early_are_a_warning_with_the_estimate(world):
    context = world.context()
    limits = context.config.limits.model_copy(update={"max_hours": 0.5})
    context.__dict__["config"] = context.config.model_copy(update={"limits": limits})
    found = look_at_prices(context)
    assert found.verdict is Verdict.WARN
    assert "at most $0.49; prices of 2026-11, us-east-1; the deadline may come before the end" in found.told


def test_a_model_that_fits_no_gpu_fails_and_one_that_fits_some_is_a_warning(world):
    context = world.context()
    training = context.config.training.model_copy(update={"quantization": "none", "max_tokens_per_batch": 200_000})
    context.__dict__["config"] = context.config.model_copy(update={"training": training})
    assert look_at_memory_plan(context).verdict is Verdict.FAIL
    training = training.model_copy(update={"max_tokens_per_batch": 6000, "gradient_checkpointing": False})
    context.__dict__["config"] = context.config.model_copy(update={"training": training})
    context.__dict__["instance_types"] = ("g6.2xlarge", "p5.48xlarge")
    found = look_at_memory_plan(context)
    assert found.verdict is Verdict.WARN
    assert "does not fit g6.2xlarge" in found.told


def test_a_stack_that_is_not_there_is_named(world):
    def none(_):
        raise aws_error("ValidationError")

    world.answer("cloudformation", DescribeStacks=none)
    with pytest.raises(StackMissingError, match="no stack a-stack"):
        look_at_stack(world.context())


def test_a_stack_whose_last_deployment_failed_fails(world):
    world.stack["StackStatus"] = "UPDATE_ROLLBACK_FAILED"
    assert look_at_stack(world.context()).verdict is Verdict.FAIL
    world.stack["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
    assert look_at_stack(world.context()).verdict is Verdict.OK


def test_parameters_that_are_missing_malformed_or_not_the_stacks_are_named_together(world):
    root = world.account.env.parameter_root
    client("ssm").delete_parameter(Name=f"{root}/hub/publish_repo")
    world.set("hub/base_model_revision", "main")
    world.stack["Outputs"] = [{"OutputKey": "BucketName", "OutputValue": "another-bucket"}]
    found = look_at_settings(world.context())
    assert answered(found) == (
        "fail",
        f"{root}/storage/bucket is not the stack's BucketName; {root}/hub/base_model_revision is malformed;"
        f" {root}/hub/publish_repo is missing (owner: init)",
    )
    assert found.remedy == "Deploy the template again: sam deploy"


def test_an_image_that_is_not_in_the_registry_fails(world):
    world.set("image/uri", f"{REGISTRY}/training@sha256:{'0' * 64}")
    assert answered(look_at_image(world.context())) == ("fail", "the registry holds no training sha256:000000000000")
    world.set("image/uri", f"{REGISTRY}/never-pushed:tag")
    assert look_at_image(world.context()).verdict is Verdict.FAIL


def test_an_image_by_its_tag_alone_is_a_warning_and_one_without_either_fails(world):
    world.set("image/uri", f"{REGISTRY}/training:tag")
    assert look_at_image(world.context()).verdict is Verdict.WARN
    world.set("image/uri", f"{REGISTRY}/training")
    assert look_at_image(world.context()).verdict is Verdict.FAIL


def test_an_image_in_another_registry_is_not_looked_at(world):
    world.set("image/uri", "docker.io/someone/training:tag")
    assert look_at_image(world.context()).verdict is Verdict.WARN


def test_an_image_that_was_never_built_is_named_by_its_parameter(world):
    client("ssm").delete_parameter(Name=f"{world.account.env.parameter_root}/image/uri")
    with pytest.raises(SettingMissingError, match=r"image/uri \(owner: pipeline\)"):
        look_at_image(world.context())


def test_a_volume_that_is_too_small_fails_with_the_size_that_would_do(world):
    world.answer("ec2", DescribeVolumes=lambda _: {"Volumes": [{"Size": 20}]})
    found = look_at_volume(world.context())
    # two copies of 8.03e9 weights of 2 bytes, and four checkpoints of 41.9e6 weights of an adapter, three times 4 bytes
    assert answered(found) == ("fail", "20 GiB are too few for the model and a run's checkpoints (32 GiB)")
    assert found.remedy == "Deploy with CheckpointVolumeGiB of at least 32."


def test_an_instance_with_its_root_disk_alone_fails(world):
    volume_id = world.account.describe()["BlockDeviceMappings"][1]["Ebs"]["VolumeId"]
    client("ec2").detach_volume(InstanceId=world.account.instance_id, VolumeId=volume_id)
    assert look_at_volume(world.context()).told == "no volume besides the root disk is attached to the instance"


def test_a_dataset_file_that_is_missing_or_was_changed_fails(world):
    key = f"datasets/{DATASET_SHA256}/train.jsonl"
    world.account.store.put(key, b"other")
    assert look_at_published_dataset(world.context()).told == "missing or changed in the bucket: train.jsonl"
    world.account.store.delete(key)
    assert look_at_published_dataset(world.context()).verdict is Verdict.FAIL


def test_a_dataset_that_was_never_published_is_missing(world):
    world.account.store.delete(f"datasets/{DATASET_SHA256}/manifest.json")
    with pytest.raises(DatasetMissingError):
        look_at_published_dataset(world.context())


def test_stop_protection_fails_with_the_command_that_takes_it_off(world):
    instance_id = world.account.instance_id
    client("ec2").modify_instance_attribute(InstanceId=instance_id, DisableApiStop={"Value": True})
    found = look_at_stop_protection(world.context())
    client("ec2").modify_instance_attribute(InstanceId=instance_id, DisableApiStop={"Value": False})
    assert found.verdict is Verdict.FAIL
    assert found.remedy == f"aws ec2 modify-instance-attribute --instance-id {instance_id} --no-disable-api-stop"


def test_an_instance_that_a_shutdown_would_terminate_fails(world):
    value = {"DisableApiStop": {"Value": False}, "InstanceInitiatedShutdownBehavior": {"Value": "terminate"}}
    world.answer("ec2", DescribeInstanceAttribute=lambda _: value)
    assert look_at_stop_protection(world.context()).told.startswith("a shutdown from inside means terminate")


def _schedule(world, state, age):
    told = {"State": state, "CreationDate": START - age}
    world.answer("scheduler", GetSchedule=lambda _: told)


def test_a_sweeper_whose_schedule_is_off_fails(world):
    world.sweep()
    _schedule(world, "DISABLED", timedelta(days=1))
    assert look_at_sweeper(world.context()).told == "schedule a-stack-sweep is DISABLED"


def test_a_sweeper_that_fell_silent_fails(world):
    world.sweep(ago=timedelta(minutes=45))
    _schedule(world, "ENABLED", timedelta(days=1))
    assert look_at_sweeper(world.context()).verdict is Verdict.FAIL
    world.sweep(ago=timedelta(minutes=5))
    assert look_at_sweeper(world.context()).verdict is Verdict.OK


def test_a_sweeper_that_has_just_been_deployed_is_given_time(world):
    _schedule(world, "ENABLED", timedelta(minutes=5))
    assert look_at_sweeper(world.context()).verdict is Verdict.WARN
