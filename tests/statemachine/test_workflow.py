"""Every Retry and every Catch of the real workflow file: the path taken and the final status."""

from __future__ import annotations

import json

import pytest

from fine_tune_slm.localcloud import LocalCloud, LocalCloudSettings, keeping
from fine_tune_slm.localcloud.runtime.functions import Functions
from tests.statemachine.rules import ROOT, SHARED_FUNCTIONS, WORKFLOW_FILE, tasks
from tests.statemachine.scripted import Raised, ScriptedWorkflow
from tests.workflow_paths import HAPPY_PATH

STATES = json.loads(WORKFLOW_FILE.read_text(encoding="utf-8"))["States"]
TASKS = dict(tasks(STATES))
STOP_PATH = ["StopAfterFailure", "RecordFailure", "HowItFailed", "RunFailed"]
RELAUNCH = {"status": "relaunch", "wait_seconds": 15}
# the scripts that lead to the states off the happy path
DETOURS = {
    "StopBeforeRelaunch": {"CheckTraining": [RELAUNCH]},
    "StopAfterFailure": {"AssessModel": [Raised("TrainingFailedError")]},
    "RecordFailure": {"AssessModel": [Raised("TrainingFailedError")]},
}
# a state that shares its function with one before it is reached after so many good answers
EARLIER_ANSWERS = {"StopAfterFailure": [{"state": "stopped"}]}
RETRIES = [(name, number) for name, state in TASKS.items() for number in range(len(state["Retry"]))]


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory):
    """The deployed workflow; Waits and Retries take no time."""
    settings = LocalCloudSettings(root=tmp_path_factory.mktemp("cloud"), wait_scale=0)
    with LocalCloud(settings) as cloud, pytest.MonkeyPatch.context() as patch:
        outputs = cloud.deploy(ROOT / "template.yaml", {"ImageId": "ami-0f00d000000000000"})
        scripted = ScriptedWorkflow(cloud, outputs["StateMachineArn"])
        patch.setattr(Functions, "invoke", lambda _self, function, body: scripted.invoke(function, body))
        # hundreds of histories that nobody will read
        patch.setattr(keeping, "keep_histories", lambda *_: None)
        yield scripted


def _script(state, answers):
    """Return a script that leads to the state and answers there."""
    function = SHARED_FUNCTIONS.get(state, state)
    return DETOURS.get(state, {}) | {function: [*EARLIER_ANSWERS.get(state, []), *answers]}


def test_without_a_fault_every_step_runs_once(workflow):
    ended = workflow.run()
    assert (ended.status, ended.path) == ("SUCCEEDED", HAPPY_PATH)
    assert {name: len(calls) for name, calls in ended.calls.items()} == dict.fromkeys(set(TASKS) & set(HAPPY_PATH), 1)


@pytest.mark.parametrize("execution_input", ["{}", "null", "[]", '"text"', '{"Comment": "from the console"}'])
def test_any_input_reaches_prepare_run_wrapped_with_its_execution(workflow, execution_input):
    received = workflow.run(execution_input=execution_input).calls["PrepareRun"][0]
    assert received["request"] == json.loads(execution_input)
    assert received["execution"]["arn"].endswith(received["execution"]["name"])


def test_the_request_leaves_the_state_once_it_is_prepared(workflow):
    ended = workflow.run(execution_input=json.dumps("x" * 200_000))
    assert ended.status == "SUCCEEDED"
    assert set(ended.calls["StartInstance"][0]) == {"execution", "run"}


@pytest.mark.parametrize("state", TASKS)
def test_what_a_retry_names_is_tried_again_and_the_path_goes_on(workflow, state):
    named = [error for rule in TASKS[state]["Retry"] for error in rule["ErrorEquals"][: rule["MaxAttempts"]]]
    # States.Timeout is the machine's own: no function can raise it
    errors = [error for error in named if not error.startswith("States.")]
    undisturbed = workflow.run(_script(state, []))
    ended = workflow.run(_script(state, [Raised(error) for error in errors]))
    assert state in undisturbed.path
    assert (ended.status, ended.path) == (undisturbed.status, undisturbed.path)
    function = SHARED_FUNCTIONS.get(state, state)
    assert len(ended.calls[function]) == len(undisturbed.calls[function]) + len(errors)


@pytest.mark.parametrize(("state", "number"), RETRIES)
def test_a_retry_ends_and_then_the_stop_path_begins(workflow, state, number):
    rule = TASKS[state]["Retry"][number]
    ended = workflow.run(_script(state, [Raised(rule["ErrorEquals"][0])] * (rule["MaxAttempts"] + 1)))
    assert ended.status == "FAILED"
    assert ended.path[ended.path.index(state) + 1 :] == _after_a_failure_of(state)


@pytest.mark.parametrize("state", TASKS)
def test_what_no_retry_names_is_caught_at_once(workflow, state):
    ended = workflow.run(_script(state, [Raised("KeyError")]))
    assert ended.status == "FAILED"
    assert ended.path[ended.path.index(state) + 1 :] == _after_a_failure_of(state)
    if state not in {"StopAfterFailure", "RecordFailure"}:
        assert ended.calls["RecordFailure"][0]["failure"]["Error"] == "KeyError"


def _after_a_failure_of(state):
    if state == "RecordFailure":
        return ["RunFailedUnrecorded"]
    if state == "PrepareRun":
        return ["ForgetRequest", *STOP_PATH]
    return STOP_PATH[STOP_PATH.index(state) + 1 :] if state in STOP_PATH else STOP_PATH


def test_a_refused_request_leaves_the_state(workflow):
    ended = workflow.run({"PrepareRun": [Raised("ConfigInvalidError")]}, '{"run_name": "hf_not-to-be-repeated"}')
    for state in ("StopInstance", "RecordFailure"):
        given = ended.calls[state][0]
        assert given.keys() - {"stopped"} == {"execution", "failure"}
        assert given["execution"] == ended.calls["PrepareRun"][0]["execution"]
        assert given["failure"]["Error"] == "ConfigInvalidError"


def test_the_fail_state_shows_what_was_recorded(workflow):
    ended = workflow.run({"PrepareRun": [Raised("ConfigInvalidError")]})
    assert (ended.error, ended.cause) == ("RecordedError", "The recorded cause.")


def test_a_stop_that_fails_is_recorded_beside_the_first_failure(workflow):
    script = {"CheckTraining": [Raised("DiskFullError")], "StopInstance": [Raised("PermissionDeniedError")]}
    recorded = workflow.run(script).calls["RecordFailure"][0]
    assert recorded["failure"]["Error"] == "DiskFullError"
    assert recorded["stop_failure"]["Error"] == "PermissionDeniedError"


def test_a_failure_that_cannot_be_recorded_keeps_its_name(workflow):
    ended = workflow.run({"CheckTraining": [Raised("DiskFullError")], "RecordFailure": [Raised("KeyError")]})
    assert (ended.status, ended.error, ended.path[-1]) == ("FAILED", "DiskFullError", "RunFailedUnrecorded")


def test_a_rejected_model_ends_in_a_fail_state_of_its_own(workflow):
    recorded = {"error": "ModelRejectedError", "cause": "macro-F1 0.1"}
    ended = workflow.run({"AssessModel": [Raised("ModelRejectedError")], "RecordFailure": [recorded]})
    assert (ended.status, ended.error, ended.path[-1]) == ("FAILED", "ModelRejectedError", "ModelRejected")


def test_a_run_that_is_not_to_be_published_ends_with_its_archive(workflow):
    ended = workflow.run({"AssessModel": [{"publish": False}]})
    assert ended.status == "SUCCEEDED"
    assert "PublishModel" not in ended.path


def test_a_lost_training_is_stopped_started_and_resumed(workflow):
    ended = workflow.run({"CheckTraining": [{"status": "running", "wait_seconds": 15}, RELAUNCH]})
    assert ended.status == "SUCCEEDED"
    lost = ended.path.index("StopBeforeRelaunch")
    assert ended.path[lost : lost + 6] == ["StopBeforeRelaunch", *HAPPY_PATH[2:7]]
    assert ended.path.count("CheckTraining") == 3


def test_an_impaired_host_is_stopped_and_started(workflow):
    starting, impaired = ({"status": status, "wait_seconds": 10} for status in ("starting", "impaired"))
    ended = workflow.run({"CheckInstance": [starting, impaired]})
    assert ended.status == "SUCCEEDED"
    assert ended.path.count("StartInstance") == 2
    assert ended.path.count("StartTraining") == 1


def test_a_failure_after_the_instance_is_stopped_still_goes_through_the_stop(workflow):
    ended = workflow.run({"PublishModel": [Raised("PublishFailedError")]})
    assert ended.path[-4:] == STOP_PATH
    assert len(ended.calls["StopInstance"]) == 2


def test_every_task_of_the_workflow_is_in_these_tests():
    assert set(TASKS) == (set(HAPPY_PATH) | set(DETOURS)) & set(TASKS)
