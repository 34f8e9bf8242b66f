"""The campaign's smaller, fixed part: the same schedules at every run of the tests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice

import pytest

from tests.faults import tiers
from tests.faults.canary import CANARY_NOTE, CANARY_TOKEN
from tests.faults.fault import FOREVER, FunctionFault, HostFault, HubFault, RunPlan, Schedule, WorkflowFault
from tests.faults.mutant_list import MUTANTS
from tests.faults.mutants import Trial
from tests.faults.play import Finding, play
from tests.faults.world.world import Account

# huggingface_hub's upload meets this one; raised as an error it would fail the publication that is played
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")
EVERY = {"single faults": 151, "one layer alone": 37}
RANDOM_SCHEDULES = 5
MUTANTS_PLAYED = 4

Play = Callable[[Sequence[Schedule]], list[Finding]]


@pytest.fixture(scope="session")
def played(account: Account) -> Play:
    return lambda schedules: [play(schedule, account) for schedule in schedules]


@pytest.fixture(scope="session")
def calm(played: Play) -> list[Finding]:
    return played([Schedule(), Schedule(runs=tiers.TWO_RUNS), Schedule(runs=(RunPlan(name="a", f1=0.3),))])


def calls_of(calm: list[Finding]) -> Counter[tuple[str, str]]:
    return tiers.merged([finding.calls for finding in calm])


def broken(findings: list[Finding]) -> list[tuple[str, list[str]]]:
    return [(finding.schedule.model_dump_json(), finding.violations) for finding in findings if finding.violations]


def test_runs_that_nothing_befalls_end_as_they_should(calm: list[Finding]) -> None:
    assert broken(calm) == []
    assert [finding.errors["a"] for finding in calm] == [None, None, "ModelRejectedError"]


def test_a_sample_of_single_faults_breaks_no_promise(calm: list[Finding], played: Play) -> None:
    everything = tiers.single_faults(calls_of(calm), calm[0].events, calm[0].hub_requests)
    findings = played(list(islice(everything, 0, None, EVERY["single faults"])))
    assert broken(findings) == []
    assert sum(bool(finding.injected) for finding in findings) > len(findings) / 2


def test_a_function_that_lambda_refuses_or_that_is_slow_is_asked_again(played: Play) -> None:
    refused = FunctionFault(kind="Lambda.Unknown", function="CheckInstance")
    slow = FunctionFault(kind="slow", function="CheckTraining")
    [finding] = played([Schedule(faults=(refused, slow))])
    assert (finding.violations, finding.errors) == ([], {"a": None})
    assert finding.injected == {"Lambda: Lambda.Unknown": 1, "Lambda: slow": 1}


@pytest.mark.parametrize("occurrence", [4, 12])
def test_a_hub_that_lastingly_answers_with_a_conflict_ends_in_an_error_with_a_name(played: Play, occurrence) -> None:
    (finding,) = played([Schedule(faults=(HubFault(kind="409", occurrence=occurrence, times=FOREVER),))])
    assert finding.violations == []
    assert finding.statuses == {"a": "FAILED"}


def test_what_the_hub_said_when_it_broke_is_in_no_log(played: Play) -> None:
    (finding,) = played([Schedule(faults=(HubFault(kind="broken", occurrence=11),))])
    assert (finding.violations, finding.errors) == ([], {"a": None})
    assert finding.injected == {"hub: broken": 1}


def test_a_refused_request_is_repeated_nowhere(played: Play) -> None:
    refused = RunPlan(name="a", execution_input=json.dumps({"token": CANARY_TOKEN, "note": CANARY_NOTE}))
    [finding] = played([Schedule(runs=(refused,))])
    assert (finding.violations, finding.errors) == ([], {"a": "ConfigInvalidError"})


def test_a_sample_with_one_layer_alone_breaks_no_promise(calm: list[Finding], played: Play) -> None:
    findings = played(list(islice(tiers.layers_alone(calm[0].events), 0, None, EVERY["one layer alone"])))
    assert broken(findings) == []


def test_random_schedules_break_no_promise(calm: list[Finding], played: Play) -> None:
    schedules = tiers.random_schedules(calls_of(calm), calm[0].events, seed=7, count=RANDOM_SCHEDULES)
    assert broken(played(tiers.some_after_a_release(schedules))) == []


def test_a_run_id_that_is_used_again_is_refused_and_changes_nothing(played: Play) -> None:
    nan = HostFault(kind="nan", minute=9)
    findings = played([Schedule(repeats=True), Schedule(faults=(nan,), repeats=True)])
    assert broken(findings) == []
    assert [finding.checked["repeating a run id changes nothing"] for finding in findings] == [1, 1]


def test_a_second_run_waits_for_an_hour_and_more_and_then_leaves_the_busy_instance_alone(played: Play) -> None:
    [finding] = played([Schedule(runs=(RunPlan(name="a", steps=1900), RunPlan(name="b", after_minutes=6)))])
    assert finding.violations == []
    assert finding.errors == {"a": None, "b": "InstanceBusyError"}


def test_two_days_of_training_stay_below_what_step_functions_allows(played: Play) -> None:
    limits = json.dumps({"max_hours": 48, "budget_usd": 90})
    [finding] = played([Schedule(runs=(RunPlan(name="a", execution_input=limits, steps=5500, seconds_per_step=30),))])
    assert (finding.violations, finding.errors) == ([], {"a": None})
    assert finding.events < 10_000


def test_a_sample_of_two_executions_interleaved_breaks_no_promise(calm: list[Finding], played: Play) -> None:
    assert broken(played(list(islice(tiers.interleaved(calm[0].events), 3, None, 29)))) == []


def test_the_same_schedule_shows_the_same_twice(played: Play) -> None:
    schedule = Schedule(
        seed=3,
        faults=(HostFault(kind="crash", minute=9), WorkflowFault(kind="aborted", event=150)),
        runs=tiers.TWO_RUNS,
    )
    first, second = played([schedule, schedule])
    assert (first.statuses, first.events, first.calls, first.minutes_to_stop) == (
        second.statuses,
        second.events,
        second.calls,
        second.minutes_to_stop,
    )


def test_a_release_stays_until_a_run_that_is_not_worse_replaces_it_whole(played: Play) -> None:
    better, worse = (Schedule(earlier_f1=f1) for f1 in (0.9, 0.95))
    findings = played([better, worse])
    assert broken(findings) == []
    assert [finding.errors for finding in findings] == [{"a": None}, {"a": "ModelRejectedError"}]


def test_a_schedule_is_shrunk_to_the_fault_that_matters() -> None:
    culprit = HostFault(kind="crash", minute=9)
    schedule = Schedule(faults=(HostFault(kind="nan", minute=3), culprit, WorkflowFault(kind="aborted", event=5)))
    assert tiers.shrink(schedule, lambda one: culprit in one.faults).faults == (culprit,)


@pytest.fixture(scope="session")
def trial(account: Account) -> Trial:
    return Trial(account)


@pytest.mark.parametrize("mutant", MUTANTS[:: len(MUTANTS) // MUTANTS_PLAYED], ids=lambda mutant: mutant.name)
def test_a_mutant_of_the_product_is_noticed(mutant, trial: Trial) -> None:
    fate = trial.fate(mutant)
    assert fate.is_as_expected, fate


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_still_finds_what_it_changes(mutant, account: Account) -> None:
    before = account.machine_arn
    with mutant.change(account):
        pass
    assert account.machine_arn == before
