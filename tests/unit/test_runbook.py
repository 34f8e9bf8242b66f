"""The runbook has an answer to every alarm, every notice and every error that a person may be shown."""

import re
from pathlib import Path

import pytest
from slm_core.errors import leaves

from tests.statemachine.rules import load_template

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+Error)` \|(.+)\|$", RUNBOOK, flags=re.MULTILINE)
TEMPLATE = load_template()
ALARMS = {
    name: one["Properties"] for name, one in TEMPLATE["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"
}


def test_every_error_has_one_row_and_no_row_is_of_an_error_that_is_gone():
    assert sorted(name for name, _ in ROWS) == sorted(leaves())


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_a_row_says_what_it_means_where_to_look_and_what_to_do(name, row):
    cells = [cell.strip() for cell in row.split("|")]
    assert len(cells) == 3
    assert all(cells)


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_leads_to_a_section_that_says_what_to_do(alarm):
    anchor = ALARMS[alarm]["AlarmDescription"].rpartition("#")[2]
    section = RUNBOOK.split(f"### {anchor}\n")[1].split("\n##")[0]
    assert "Do: " in section


def test_every_output_and_log_group_that_it_names_is_the_templates():
    outputs = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in TEMPLATE["Outputs"]}
    named = {"INSTANCE_ID", "STATE_MACHINE_ARN", "FAILURE_QUEUE_URL", "LEASE_TABLE_NAME", "BUCKET_NAME"}
    assert named <= outputs
    assert all(name in RUNBOOK for name in named)
    for function in re.findall(r"/aws/lambda/STACK-([a-z-]+)", RUNBOOK):
        assert (ROOT / "lambdas" / f"{function.replace('-', '_')}.py").is_file()
