"""Which treatments a note may count in cycles, and which are tablets."""

from __future__ import annotations

import pytest

from casebook.treatments import is_given_in_cycles, is_oral


@pytest.mark.parametrize("parts", [("FOLFOX",), ("carboplatin", "paclitaxel"), ("dose-dense AC-T",), ("RVd",)])
def test_infused_drugs_and_regimens_are_counted_in_cycles(parts: tuple[str, ...]) -> None:
    assert is_given_in_cycles(parts)
    assert not is_oral(parts)


@pytest.mark.parametrize("parts", [("osimertinib",), ("dabrafenib", "trametinib"), ("olaparib",)])
def test_tablets_are_swallowed_and_have_no_cycles(parts: tuple[str, ...]) -> None:
    assert is_oral(parts)
    assert not is_given_in_cycles(parts)


@pytest.mark.parametrize("parts", [("radiotherapy",), ("TACE",), ("letrozole",), ("letrozole", "palbociclib")])
def test_radiotherapy_local_treatment_and_hormones_are_neither(parts: tuple[str, ...]) -> None:
    assert not is_given_in_cycles(parts)
    assert not is_oral(parts)


def test_an_unknown_treatment_is_neither() -> None:
    assert not is_given_in_cycles(("no such drug",))
    assert not is_oral(("no such drug",))
