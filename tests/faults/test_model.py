"""The model is walked through wholly, and it can fail: each of its rules is broken once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults import model


def test_every_reachable_state_keeps_the_models_promises() -> None:
    assert model.explore() > 3000


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({"holds": lambda *_: True}, "two fences act on the instance"),
        ({"may_take": lambda *_: True}, "the lease of a run that runs was taken"),
        ({"must_sweep": lambda _: False}, "the instance stays up or held"),
        ({"must_sweep": lambda state: state.instance == "running"}, "a healthy leased run was stopped"),
        ({"may_reap": lambda *_: True}, "a healthy leased run was stopped"),
    ],
    ids=["no fence", "a stolen lease", "no sweep", "a sweep of the healthy", "a late event of another run"],
)
def test_a_model_with_a_broken_rule_breaks_a_promise(changes: dict, promise: str) -> None:
    with pytest.raises(model.BrokenError, match=promise):
        model.explore(replace(model.PRODUCT, **changes))
