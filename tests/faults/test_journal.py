"""The journal of a campaign: what was played is known again, and nothing else is."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.faults import player
from tests.faults.fault import HostFault, HubFault, Schedule
from tests.faults.journal import Journal, JournalMismatchError
from tests.faults.play import Finding
from tests.faults.player import CHUNK, Player
from tests.faults.results import campaign_figures

MADE_BY = {"seed": 1}
SCHEDULES = [Schedule(faults=(HostFault(kind="crash", minute=minute),)) for minute in range(CHUNK - 5)]


def finding(schedule: Schedule) -> Finding:
    return Finding(
        schedule=schedule,
        violations=[],
        checked=Counter({"a promise": 2}),
        injected=Counter({"host: crash": 1}),
        minutes_to_stop=1.5,
        stopped_by="SweepInstances",
        statuses={"a": "SUCCEEDED"},
        errors={"a": None},
    )


class HerePool:
    """Plays at once, in this process."""

    def __init__(self) -> None:
        self.played: list[Schedule] = []

    def submit(self, _play: object, numbered: list[tuple[int, Schedule]]) -> Future[object]:
        future: Future[object] = Future()
        self.played += [schedule for _, schedule in numbered]
        future.set_result([(number, finding(schedule)) for number, schedule in numbered])
        return future


def played(path: Path, pool: HerePool, *, resumes: bool = False, seconds: float = 60.0) -> player.TierResult:
    return Player(pool, Journal(path, MADE_BY, resumes=resumes), time.monotonic() + seconds).play("tier", SCHEDULES)


def test_a_campaign_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    path, first, second = tmp_path / "faults.jsonl", HerePool(), HerePool()
    played(path, first)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:4], lines[4][:40]]))
    result = played(path, second, resumes=True)
    assert second.played == SCHEDULES[3:]
    assert (result.resumed, result.not_played) == (3, 0)
    assert [one.schedule for one in result.findings] == SCHEDULES
    assert result.findings[0] == finding(SCHEDULES[0])
    # what followed the torn line was written on a line of its own
    assert not played(path, HerePool(), resumes=True).not_played


def test_every_kind_of_fault_is_known_again(tmp_path: Path) -> None:
    schedule = Schedule(faults=(HubFault(kind="503", is_after=True), HostFault(kind="nan", minute=3)))
    path = tmp_path / "faults.jsonl"
    Journal(path, MADE_BY, resumes=False).add("tier", [finding(schedule)])
    assert Journal(path, MADE_BY, resumes=True).find("tier", schedule) == finding(schedule)
    assert Journal(path, MADE_BY, resumes=True).find("another tier", schedule) is None


def test_a_journal_of_another_seed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faults.jsonl"
    Journal(path, MADE_BY, resumes=False)
    with pytest.raises(JournalMismatchError):
        Journal(path, {"seed": 2}, resumes=True)


def test_what_the_time_did_not_suffice_for_is_said(tmp_path: Path) -> None:
    result = played(tmp_path / "faults.jsonl", HerePool(), seconds=0.0)
    assert result.not_played == len(SCHEDULES)
    (tier,) = campaign_figures([result], seed=1)["tiers"]
    assert (tier["schedules"], tier["not_played"]) == (0, len(SCHEDULES))


def test_a_schedule_that_breaks_the_campaign_is_told_of_and_the_others_are_played(monkeypatch) -> None:
    monkeypatch.setattr(player, "play_here", lambda schedule: 1 / schedule.seed and finding(schedule))
    numbered = [(0, Schedule(seed=0)), (1, Schedule(seed=1))]
    (_, broken), (_, whole) = player._played(numbered)
    assert broken.violations == ["nothing breaks the world itself: ZeroDivisionError('division by zero')"]
    assert whole == finding(Schedule(seed=1))
