"""Which state failed, told by the execution's own history."""

from slm_core.history import failed_state

from tests.unit.emulated_account import answering

EVENTS = [
    {"id": 1, "stateEnteredEventDetails": {"name": "PrepareRun"}},
    {"id": 2, "stateExitedEventDetails": {"name": "PrepareRun"}},
    {"id": 3, "stateEnteredEventDetails": {"name": "StartInstance"}},
    {"id": 4, "stateExitedEventDetails": {"name": "StartInstance"}},
    {"id": 5, "stateEnteredEventDetails": {"name": "StopAfterFailure"}},
    {"id": 6, "stateExitedEventDetails": {"name": "StopAfterFailure"}},
    {"id": 7, "stateEnteredEventDetails": {"name": "RecordFailure"}},
]


def test_the_state_left_before_the_stop_is_the_one_that_failed(account, monkeypatch):
    answering("stepfunctions", {"GetExecutionHistory": lambda _: {"events": EVENTS[::-1]}}, monkeypatch)
    assert failed_state("arn", ["StopAfterFailure"]) == "StartInstance"


def test_a_state_of_the_failure_path_is_not_the_one_that_failed(account, monkeypatch):
    path = ["PrepareRun", "ForgetRequest", "StopAfterFailure"]
    details = [{f"state{way}EventDetails": {"name": name}} for name in path for way in ("Entered", "Exited")]
    events = [{"id": number, **detail} for number, detail in enumerate(details, start=1)]
    answering("stepfunctions", {"GetExecutionHistory": lambda _: {"events": events[::-1]}}, monkeypatch)
    assert failed_state("arn", ["ForgetRequest", "StopAfterFailure"]) == "PrepareRun"


def test_a_history_that_does_not_reach_back_far_enough_tells_nothing(account, monkeypatch):
    answering("stepfunctions", {"GetExecutionHistory": lambda _: {"events": EVENTS[:3:-1][:1]}}, monkeypatch)
    assert failed_state("arn", ["StopAfterFailure"]) is None
