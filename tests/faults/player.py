"""Plays schedules in this process, or tiers of them in several, until their time is over."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from itertools import islice

from tests.faults.environment import without_the_users_settings
from tests.faults.fault import Schedule
from tests.faults.journal import Journal
from tests.faults.play import WORLD_HOLDS, Finding, play
from tests.faults.results import TierResult
from tests.faults.world.world import Account, emulated_account

CHUNK = 25
_CHUNKS_AHEAD = 8
process = ExitStack()
_accounts: list[Account] = []

Numbered = tuple[int, Schedule]
Played = list[tuple[int, Finding]]


def prepare() -> None:
    """Open this process's account; what was imported is passed over by the garbage collector from here on."""
    without_the_users_settings()
    _accounts.append(process.enter_context(emulated_account()))
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


def account_here() -> Account:
    """Return this process's account."""
    return _accounts[0]


def play_here(schedule: Schedule) -> Finding:
    """Return what a schedule shows, played in this process, which `prepare` has prepared."""
    return play(schedule, account_here())


class Player:
    """Several processes with a journal of what they have played, and an end."""

    def __init__(self, pool: ProcessPoolExecutor, journal: Journal | None, ends_at: float) -> None:
        """Units: ends_at in seconds of time.monotonic()."""
        self._pool = pool
        self._journal = journal
        self._ends_at = ends_at

    def play(self, name: str, schedules: Sequence[Schedule]) -> TierResult:
        """Return what a tier showed; what the journal holds already is not played again."""
        began, running = time.monotonic(), set[Future[Played]]()
        known = [(number, self._journal and self._journal.find(name, one)) for number, one in enumerate(schedules)]
        found = {number: finding for number, finding in known if finding}
        result = TierResult(name, planned=len(schedules), resumed=len(found))
        for chunk in self._chunks([numbered for numbered in enumerate(schedules) if numbered[0] not in found]):
            running.add(self._pool.submit(_played, chunk))
            if len(running) >= _CHUNKS_AHEAD:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                found |= self._written(name, done)
        found |= self._written(name, running)
        result.findings = [found[number] for number in sorted(found)]
        result.seconds = time.monotonic() - began
        return result

    def _chunks(self, schedules: Sequence[Numbered]) -> Iterator[list[Numbered]]:
        waiting = iter(schedules)
        while time.monotonic() < self._ends_at and (chunk := list(islice(waiting, CHUNK))):
            yield chunk

    def _written(self, name: str, running: set[Future[Played]]) -> dict[int, Finding]:
        found: dict[int, Finding] = {}
        for future in running:
            played = dict(future.result())
            if self._journal:
                self._journal.add(name, played.values())
            found |= played
        return found


def _played(numbered: Sequence[Numbered]) -> Played:
    return [(number, _found(schedule)) for number, schedule in numbered]


def _found(schedule: Schedule) -> Finding:
    """Return what a schedule shows; one that breaks the campaign itself is told of like a broken promise."""
    try:
        return play_here(schedule)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other schedules are played
        return Finding(schedule, [f"{WORLD_HOLDS}: {error!r}"], Counter({WORLD_HOLDS: 1}), Counter(), None, None)
