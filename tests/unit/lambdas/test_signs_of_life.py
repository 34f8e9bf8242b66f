"""Every state in which the instance runs shows the sweeper that its run is alive, before it does anything else."""

import contextlib
import importlib
import re
from datetime import timedelta

import pytest
from slm_core.errors import FineTuneSlmError, LeaseLostError

from tests.statemachine.rules import WATCHED
from tests.unit.emulated_account import START

TRAINING = {"command_id": "c", "sent_at": START.isoformat(), "wait_seconds": 30, "relaunches": 0}


@pytest.fixture
def state(account):
    """The state of a run whose instance was launched, with nothing to train, to poll or to archive."""
    prepared = account.prepare()
    instance = {"instance_id": account.instance_id, "instance_type": "g6.2xlarge", "wait_seconds": 15}
    times = {"launched_at": START.isoformat(), "deadline_at": (START + timedelta(hours=6)).isoformat()}
    account.time.forward(minutes=10)
    return prepared | {"instance": instance | times, "training": TRAINING}


def _handler(name):
    return importlib.import_module(f"lambdas.{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', name).lower()}").handler


@pytest.mark.parametrize("name", WATCHED)
def test_it_beats_whatever_comes_after(account, state, name):
    with contextlib.suppress(FineTuneSlmError):
        _handler(name)(state, None)
    assert account.lease().heartbeat_at == account.time()


@pytest.mark.parametrize("name", WATCHED)
def test_it_does_nothing_for_a_run_that_lost_the_lease(account, state, name):
    account.leases.release("run-1", 1)
    with pytest.raises(LeaseLostError):
        _handler(name)(state, None)
    assert account.lease().heartbeat_at == START
