"""The validators see the workflow as it is deployed."""

import json
import re

from scripts.checks.workflow_definition import WORKFLOW, deployed_definition


def test_every_placeholder_becomes_an_arn_and_nothing_else_changes():
    text = WORKFLOW.read_text(encoding="utf-8")
    deployed = deployed_definition(text)
    assert "${" in text
    assert "${" not in deployed
    tasks = [state for state in json.loads(deployed)["States"].values() if state["Type"] == "Task"]
    assert tasks
    assert all(re.fullmatch(r"arn:aws:lambda:[\w-]+:\d{12}:function:\w+Function:1", one["Resource"]) for one in tasks)
    assert re.sub(r"arn:aws:lambda:us-east-1:\d{12}:function:(\w+):1", r"${\1Arn}", deployed) == text
