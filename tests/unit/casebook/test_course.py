"""The timeline machine and its validator: what cannot happen to a patient does not happen in a case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from casebook.case import Case, Event
from casebook.catalogue import catalogue
from casebook.course import problems
from casebook.draw import SERUM_MARKERS, draw_case
from casebook.treatments import is_allowed, treatment

CASES = tuple(draw_case(number, 9, catalogue()) for number in range(600))


def _case(**changes: object) -> Case:
    sound = next(case for case in CASES if case.setting == "resected" and not case.sites and not problems(case))
    return replace(sound, **changes)  # type: ignore[arg-type]


def test_nearly_every_drawn_case_is_sound() -> None:
    assert sum(bool(problems(case)) for case in CASES) <= 6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"response": ("pathologic complete response",), "events": ()}, "needs neoadjuvant"),
        ({"response": ("no evidence of disease",), "sites": ("liver",)}, "active metastases"),
        ({"sites": ("liver",), "is_metastatic": False}, "without spread"),
        ({"response": ("stable disease",), "events": ()}, "without a treatment"),
        ({"sites": ("ovary",), "is_female": False, "is_metastatic": True}, "other sex"),
    ],
)
def test_an_impossible_case_is_named(changes: dict[str, object], words: str) -> None:
    assert any(words in problem for problem in problems(_case(**changes)))


def test_biochemical_recurrence_belongs_to_the_prostate() -> None:
    case = _case(response=("biochemical recurrence",))
    found = any("outside the prostate" in problem for problem in problems(case))
    assert found == (case.entity.code != "prostate")


def test_targeted_drugs_are_given_to_tumours_that_have_the_target() -> None:
    for case in CASES:
        drugs = {part for event in case.events for part in event.treatment.parts}
        genes = {item.gene for item in case.alterations}
        if drugs & {"osimertinib", "gefitinib", "erlotinib"}:
            assert "EGFR" in genes
        if drugs & {"alectinib", "lorlatinib", "brigatinib"}:
            assert "ALK" in genes
        if drugs & {"cetuximab", "panitumumab"} and case.entity.code == "colon" and "sotorasib" not in drugs:
            assert "KRAS" not in genes


def test_a_drug_is_not_given_again_in_a_later_line() -> None:
    for case in CASES:
        lines = [set(event.treatment.parts) for event in case.events if event.line]
        assert all(lines[place] != lines[place + 1] for place in range(len(lines) - 1))


def test_serum_markers_are_gone_when_no_tumour_is_left() -> None:
    for case in CASES:
        if case.response and case.response[-1] in {"no evidence of disease", "complete response"}:
            assert not {result.marker for result in case.results} & SERUM_MARKERS


def test_men_have_no_gynaecological_cancer_and_women_no_prostate_cancer() -> None:
    women = {"ovarian_hgsc", "cervical", "endometrial", "uterine_serous"}
    assert all(case.is_female for case in CASES if case.entity.code in women)
    assert not any(case.is_female for case in CASES if case.entity.code in {"prostate", "nonseminoma"})


def test_a_brain_tumour_is_irradiated_once_before_it_recurs() -> None:
    again = {"Stupp protocol", "proton therapy"}
    for case in CASES:
        settings = [event.setting for event in case.events if event.setting == "chemoradiation"]
        adjuvant = [event for event in case.events if event.setting == "adjuvant"]
        if case.setting.startswith("brain") and any(again & set(event.treatment.parts) for event in adjuvant):
            assert not settings


def test_stage_iv_of_the_ovary_has_more_than_peritoneal_spread() -> None:
    spread = [set(case.sites) for case in CASES if case.entity.code.startswith("ovarian") and case.sites]
    assert spread
    assert all(sites - {"peritoneum", "bowel"} for sites in spread)


def test_the_intent_is_a_prefix_of_the_label() -> None:
    assert Event("adjuvant", treatment("tamoxifen")).label == "adjuvant tamoxifen"
    assert Event("line", treatment("docetaxel"), 2).label == "docetaxel"


def test_every_condition_of_a_guard_must_hold() -> None:
    assert is_allowed("olaparib | BRCA -HER2", frozenset({"BRCA"}))
    assert not is_allowed("olaparib | BRCA -HER2", frozenset({"BRCA", "HER2"}))
    assert not is_allowed("olaparib | BRCA", frozenset())
    assert is_allowed("docetaxel", frozenset())
