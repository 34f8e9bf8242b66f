"""Ctrl-C while a rehearsal runs, and once more while it stops."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from fine_tune_slm.interruption import STOPPED_UNSEEN, stop_execution


class Account:
    """The emulated AWS of one instance, in the states that it is seen in one after the other."""

    def __init__(self, *states: str | type[KeyboardInterrupt]) -> None:
        self._states = list(states)
        self.were_events_hastened = False

    def client(self, _service: str) -> Account:
        return self

    def hasten_events(self) -> None:
        self.were_events_hastened = True

    def stop_instances(self, InstanceIds: list[str]) -> None:  # noqa: N803 - boto3's name
        assert InstanceIds == ["i-1"]

    def describe_instances(self, InstanceIds: list[str]) -> dict[str, object]:  # noqa: N803 - boto3's name
        state = self._states.pop(0)
        if not isinstance(state, str):
            raise state
        return {"Reservations": [{"Instances": [{"InstanceId": InstanceIds[0], "State": {"Name": state}}]}]}


@pytest.fixture
def execution(failed_record) -> SimpleNamespace:
    """An execution of which the reaper records only at its second look that the instance is stopped."""
    stopping = failed_record.instance.model_copy(update={"state": "stopping"})
    records = [failed_record.model_copy(update={"instance": stopping}), failed_record]
    return SimpleNamespace(
        stepfunctions=SimpleNamespace(stop_execution=lambda **_: None),
        execution_arn="arn",
        run_id="run-1",
        record=lambda: records.pop(0),
        description=lambda: {"status": "ABORTED"},
        records=records,
    )


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("fine_tune_slm.interruption.POLL_SECONDS", 0.0)


def console() -> Console:
    return Console(file=io.StringIO())


def test_the_stopping_ends_when_the_reaper_has_recorded_the_instance_as_stopped(execution):
    account = Account("running", "stopping", "stopped")
    told = stop_execution(account, execution, "i-1", console())
    assert told == "The execution is ABORTED, the instance stopped. Nothing of run run-1 goes on."
    assert account.were_events_hastened
    assert execution.records == []


def test_a_second_ctrl_c_ends_the_waiting_and_does_not_claim_what_was_not_seen(execution):
    told = stop_execution(Account("running", KeyboardInterrupt), execution, "i-1", console())
    assert told == STOPPED_UNSEEN
    assert "not seen stopped" in told
