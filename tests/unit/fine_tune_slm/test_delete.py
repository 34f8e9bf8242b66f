"""When `fine-tune-slm delete` refuses, and what it says when AWS could not."""

import io
import json
import shutil
import sys

import pytest
from botocore.exceptions import ClientError, WaiterError
from slm_core.prices import load_prices

from fine_tune_slm import cli
from fine_tune_slm.deletion.deletion import Choice, delete
from fine_tune_slm.deletion.survey import Kept, Survey, survey
from fine_tune_slm.errors import DeletionFailedError
from fine_tune_slm.naming import stack_name
from tests.unit.emulated_account import ROOT
from tests.unit.emulated_stack import STAGE, WAITS, stack

__all__ = ["stack"]

PRICES = load_prices(ROOT / "config" / "prices.yml")
KEPT = Kept("bucket", "an-emulated-bucket", 0.0, PRICES.usd_per_bucket_gib_month)


@pytest.fixture
def run_delete(monkeypatch):
    """A function that runs the command and returns its exit code."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fine-tune-slm", "delete", "--stage", STAGE, *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code

    return run


def _stands(account):
    (found,) = account.client("cloudformation").describe_stacks(StackName=stack_name(STAGE))["Stacks"]
    return found["StackStatus"] == "CREATE_COMPLETE"


def test_nothing_is_deleted_while_an_execution_runs(stack, run_delete, capsys):
    stack.start("run-1", WAITS)
    assert run_delete("--yes", "--bucket", "--volume") == 75
    said = capsys.readouterr()
    assert said.err.startswith(f"fine-tune-slm: run-1 runs on {stack_name(STAGE)}")
    assert said.out == ""
    assert _stands(stack)


def test_nothing_is_deleted_without_the_name_of_a_stage(stack, monkeypatch, capsys):
    monkeypatch.setenv("FINE_TUNE_SLM_STAGE", STAGE)
    monkeypatch.setattr(sys, "argv", ["fine-tune-slm", "delete", "--yes"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "--stage" in capsys.readouterr().err
    assert _stands(stack)


def test_nothing_is_deleted_when_nobody_can_be_asked(stack, run_delete, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run_delete() == 2
    said = capsys.readouterr()
    assert "add --yes" in said.err
    assert f"goes     stack {stack_name(STAGE)}" in said.out
    assert _stands(stack)


def test_a_stage_that_never_was_is_the_users_mistake(stack, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fine-tune-slm", "delete", "--stage", "nowhere", "--yes"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "There is no stack fine-tune-slm-nowhere" in capsys.readouterr().err
    assert _stands(stack)


def test_a_bucket_of_the_same_beginning_without_the_stacks_tag_is_not_the_stacks(stack):
    s3 = stack.client("s3")
    for name, tag in (("fine-tune-slm-a-stage-other", None), ("fine-tune-slm-a-stage-own", stack_name(STAGE))):
        s3.create_bucket(Bucket=name)
        if tag:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "fine-tune-slm-stack", "Value": tag}]})
    found = survey(stack, stack_name(STAGE), STAGE, PRICES)
    assert [one.name for one in found.kept] == ["fine-tune-slm-a-stage-own"]


def test_the_cost_of_what_stays_is_its_size_times_the_price():
    assert Kept("volume", "vol-1", 250.0, 0.08).usd_per_month == 20.0
    assert Kept("bucket", "a-bucket", 10.0, 0.023).usd_per_month == 0.23


class Refusing:
    """An account whose CloudFormation cannot delete one resource."""

    class exceptions:  # noqa: N801 - botocore's own name
        ResourceNotFoundException = ClientError

    def client(self, _service):
        return self

    def delete_stack(self, **_):
        """Accept, as CloudFormation does before it fails."""

    def get_waiter(self, _name):
        return self

    def wait(self, **_):
        raise WaiterError("StackDeleteComplete", "Waiter encountered a terminal failure state", {})

    def describe_stack_events(self, **_):
        events = [("Repository", "DELETE_FAILED"), ("Bucket", "DELETE_SKIPPED"), (stack_name(), "DELETE_FAILED")]
        return {"StackEvents": [{"LogicalResourceId": name, "ResourceStatus": status} for name, status in events]}


def test_a_deletion_that_fails_names_the_resource_and_leaves_the_rest_alone():
    found = Survey(stack_name(), "an-id", (), ("a-group",), ("/a/parameter",), (KEPT,))
    with pytest.raises(DeletionFailedError, match="it names Repository") as failure:
        list(delete(Refusing(), found, Choice(bucket=True)))
    assert failure.value.exit_code == 1


@pytest.fixture
def volume(stack):
    """The stack's checkpoint volume."""
    return stack.client("ec2").create_volume(
        AvailabilityZone="us-east-1a",
        Size=50,
        TagSpecifications=[
            {"ResourceType": "volume", "Tags": [{"Key": "fine-tune-slm-stack", "Value": stack_name(STAGE)}]}
        ],
    )


def test_the_configuration_may_state_another_price(volume, run_delete, tmp_path, monkeypatch, capsys):
    shutil.copy(ROOT / "template.yaml", tmp_path)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    config = tmp_path / "config" / "training_config.yml"
    config.write_text(config.read_text().replace("prices: {}", "prices: {usd_per_gib_month: 0.1}"))
    monkeypatch.chdir(tmp_path)
    assert run_delete("--yes") == 0
    assert "50.0 GiB, about 5.00 USD a month; --volume deletes it" in capsys.readouterr().out


def test_the_json_names_what_went_and_what_stays(volume, run_delete, capsys):
    assert run_delete("--yes", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["deleted"][0] == f"stack {stack_name(STAGE)}"
    assert told["stays"] == [{"kind": "volume", "name": volume["VolumeId"], "size_gib": 50.0, "usd_per_month": 4.0}]
