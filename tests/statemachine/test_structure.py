"""The workflow file obeys the house's rules, and each rule is shown to catch its violation."""

from __future__ import annotations

import copy
import json

import pytest

from tests.statemachine.rules import WORKFLOW_FILE, load_template, unquoted_placeholders, violations

WORKFLOW = json.loads(WORKFLOW_FILE.read_text(encoding="utf-8"))
TEMPLATE = load_template()


def test_the_workflow_breaks_no_rule():
    assert violations(WORKFLOW, TEMPLATE) == []


def test_placeholders_stand_as_whole_strings():
    assert list(unquoted_placeholders(WORKFLOW_FILE.read_text(encoding="utf-8"))) == []
    assert list(unquoted_placeholders('{"Resource": ${XArn}}')) == ["${XArn} is not a whole string"]


def _without(state, key):
    return lambda states: states[state].pop(key)


def _set(state, key, value):
    return lambda states: states[state].__setitem__(key, value)


def _first_retry(state, key, value):
    return lambda states: states[state]["Retry"][0].__setitem__(key, value)


def _catch(state, **changes):
    return lambda states: states[state]["Catch"][-1].update(changes)


MUTATIONS = {
    "StartInstance goes to Nowhere": _set("StartInstance", "Next", "Nowhere"),
    "StartInstance leads nowhere": lambda states: [states["StartInstance"].pop(key) for key in ("Next", "Catch")],
    "ModelRejected cannot be reached": _set("HowItFailed", "Choices", []),
    "CheckTraining has no TimeoutSeconds": _without("CheckTraining", "TimeoutSeconds"),
    "CheckTraining has no ResultPath": _without("CheckTraining", "ResultPath"),
    "CheckTraining has no Retry": _without("CheckTraining", "Retry"),
    "CheckTraining has no Catch": _without("CheckTraining", "Catch"),
    "HowTrainingGoes has no Default": _without("HowTrainingGoes", "Default"),
    "Receive has no Comment": _without("Receive", "Comment"),
    "StartInstance retries ConfigInvalidError": _first_retry("StartInstance", "ErrorEquals", ["ConfigInvalidError"]),
    "StartInstance retries States.ALL": _first_retry("StartInstance", "ErrorEquals", ["States.ALL"]),
    "InstanceCapacityError is retryable, but no state": _first_retry(
        "StartInstance", "ErrorEquals", ["States.Timeout"]
    ),
    "without jitter": _first_retry("StartInstance", "JitterStrategy", "NONE"),
    "does not retry Lambda.ServiceException": _set("AssessModel", "Retry", [{"ErrorEquals": ["States.Timeout"]}]),
    "AssessModel does not catch States.ALL last": _catch("AssessModel", ErrorEquals=["ModelRejectedError"]),
    "AssessModel replaces the state": _catch("AssessModel", ResultPath="$"),
    "PrepareRun keeps a refused request": _catch("PrepareRun", ResultPath="$.failure"),
    "PrepareRun does not catch to the stop path": _catch("PrepareRun", Next="StopAfterFailure"),
    "AssessModel does not catch to the stop path": _catch("AssessModel", Next="RecordFailure"),
    "AssessModel names NoSuchError": _catch("AssessModel", ErrorEquals=["NoSuchError"]),
    "StartInstance leads to Succeeded without a stop": _set("ArchiveArtifacts", "Next", "AssessModel"),
    "a failure ends green": _set("HowItFailed", "Default", "Succeeded"),
    "the placeholder of CheckTraining": _set("CheckTraining", "Resource", "${CheckInstanceFunctionArn}"),
    "CheckTraining may be silent for": _first_retry("CheckTraining", "MaxAttempts", 60),
    "ArchiveArtifacts may be silent for": _set("ArchiveArtifacts", "TimeoutSeconds", 4000),
    "StartTraining retries some of the ways": lambda states: states["StartTraining"]["Retry"][-1]["ErrorEquals"].remove(
        "Runtime.ExitError"
    ),
    "StopInstance times out before": _set("StopInstance", "TimeoutSeconds", 5),
}


@pytest.mark.parametrize("complaint", MUTATIONS)
def test_a_workflow_that_breaks_a_rule_is_told_so(complaint):
    mutant = copy.deepcopy(WORKFLOW)
    MUTATIONS[complaint](mutant["States"])
    assert any(complaint in problem for problem in violations(mutant, TEMPLATE))


def test_a_machine_without_a_timeout_is_told_so():
    mutant = {key: value for key, value in WORKFLOW.items() if key != "TimeoutSeconds"}
    assert "the machine has no TimeoutSeconds" in violations(mutant, TEMPLATE)


@pytest.mark.parametrize("complaint", ["the resource AssessModelFunction", "the handler of AssessModelFunction"])
def test_a_function_under_another_name_is_told_so(complaint):
    mutant = copy.deepcopy(TEMPLATE)
    mutant["Resources"]["Renamed"] = mutant["Resources"].pop("AssessModelFunction")
    assert any(complaint in problem for problem in violations(WORKFLOW, mutant))
