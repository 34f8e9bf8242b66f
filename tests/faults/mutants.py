"""Plays the mutants and says which promise noticed each: python -m tests.faults.mutants --json FILE

A mutant is killed by a promise that it breaks and that the product keeps on the very same schedule. Exit code 1 when
less than WANTED_SHARE of them are killed.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from tests.faults.fault import Schedule
from tests.faults.mutant_list import MUTANTS
from tests.faults.mutant_schedules import SECRET
from tests.faults.mutation import Mutant
from tests.faults.play import WORLD_HOLDS, play
from tests.faults.player import account_here, prepare
from tests.faults.results import to_json_file
from tests.faults.world.world import Account

WANTED_SHARE = 0.95


@dataclass(frozen=True)
class Fate:
    """What became of a mutant."""

    name: str
    killed_by: tuple[str, ...]
    wanted: tuple[str, ...]
    schedules: int
    how: str = ""

    @property
    def is_killed(self) -> bool:
        """Whether a promise noticed the mutant."""
        return bool(self.killed_by)

    @property
    def is_as_expected(self) -> bool:
        """Whether one of the promises did that should."""
        return bool(set(self.killed_by) & set(self.wanted))


class Trial:
    """Mutants against schedules, in one account; what the product itself shows is played once."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._kept: dict[Schedule, tuple[str, ...]] = {}

    def fate(self, mutant: Mutant) -> Fate:
        """Return what became of a mutant; its first broken promise ends the trial."""
        for number, schedule in enumerate(mutant.schedules, start=1):
            known = {_essence(violation) for violation in self.violations(schedule)}
            with mutant.change(self._account):
                found = play(schedule, self._account).violations
            # a mutant that breaks the emulation itself was not noticed by a promise
            new = [violation for violation in found if _essence(violation) not in known | {WORLD_HOLDS}]
            if new:
                names = tuple(dict.fromkeys(_promise(violation) for violation in new))
                return Fate(mutant.name, names, mutant.promises, number, _with_short_commits(new[0]))
        return Fate(mutant.name, (), mutant.promises, len(mutant.schedules))

    def violations(self, schedule: Schedule) -> tuple[str, ...]:
        """Return what the product itself breaks."""
        if schedule not in self._kept:
            self._kept[schedule] = tuple(play(schedule, self._account).violations)
        return self._kept[schedule]


def _promise(violation: str) -> str:
    return violation.partition(":")[0]


def _essence(violation: str) -> str:
    """Return the promise; of a secret that was seen also where, because Step Functions itself repeats a bad request."""
    return re.sub(r"\d+", "#", violation) if violation.startswith(SECRET) else _promise(violation)


def _with_short_commits(violation: str) -> str:
    return re.sub(r"\b([0-9a-f]{7})[0-9a-f]{33}\b", r"\1", violation)


def report(fates: Sequence[Fate]) -> float:
    """Print the table and return the share of mutants that were killed."""
    for fate in sorted(fates, key=lambda fate: (fate.is_killed, fate.is_as_expected)):
        mark = "killed" if fate.is_killed else "LIVES"
        by = "; ".join(fate.killed_by) or f"expected: {'; '.join(fate.wanted)}"
        late = "" if fate.is_as_expected else " (not by what was expected)" if fate.is_killed else ""
        print(f"{mark:7}{fate.name:46}{fate.schedules:3}  {by}{late}")
    share = sum(fate.is_killed for fate in fates) / len(fates)
    print(f"{sum(fate.is_killed for fate in fates)} of {len(fates)} mutants killed by a promise: {share:.1%}")
    return share


@cache
def _trial_here() -> Trial:
    return Trial(account_here())


def _fate(name: str) -> Fate:
    return _trial_here().fate(next(mutant for mutant in MUTANTS if mutant.name == name))


def fates_of(names: Sequence[str], processes: int) -> Iterator[Fate]:
    """Yield what became of the mutants, several of them at work at a time."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        yield from pool.map(_fate, names)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all mutants and return 1 when too many live."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="mutants whose name holds this")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    names = [mutant.name for mutant in MUTANTS if given.only in mutant.name]
    if not names:
        parser.error(f"no mutant's name holds {given.only!r}")
    began, fates = time.monotonic(), []
    for fate in fates_of(names, given.processes):
        fates.append(fate)
        print(f"{fate.name}: {fate.how or 'LIVES'}"[:160], file=sys.stderr)
    share = report(fates)
    if given.json:
        seconds = round(time.monotonic() - began, 1)
        content = {"killed_share": share, "seconds": seconds, "mutants": [asdict(fate) for fate in fates]}
        to_json_file(given.json, content)
    return 0 if share >= WANTED_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
