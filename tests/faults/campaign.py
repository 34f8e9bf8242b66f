"""Plays thousands of schedules and says what held: python -m tests.faults.campaign --seed N --schedules N

Exit code 1 when a promise was broken; each broken one is shrunk, printed and can be replayed with --replay JSON.
Exit code 3 when none was, but --minutes were over before all was played; --resume goes on with what is missing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from pydantic import ValidationError

from tests.faults import tiers
from tests.faults.fault import HostFault, RunPlan, Schedule
from tests.faults.journal import Journal, JournalMismatchError
from tests.faults.player import Player, play_here, prepare, process
from tests.faults.results import TierResult, campaign_figures, to_json_file

PAIRS = 300
SHRUNK = 20


def explore() -> tuple[Counter[tuple[str, str]], int, int]:
    """Return the calls that runs make, the events of a healthy run and its requests to the Hub."""
    healthy, *others = map(
        play_here,
        (
            Schedule(),
            Schedule(faults=(HostFault(kind="crash", minute=9),)),
            Schedule(faults=(HostFault(kind="nan", minute=9),)),
            Schedule(faults=(HostFault(kind="capacity 1", minute=0),)),
            Schedule(runs=(RunPlan(name="a", f1=0.3),)),
            Schedule(runs=tiers.TWO_RUNS),
        ),
    )
    calls = tiers.merged([healthy.calls, *(finding.calls for finding in others)])
    return calls, healthy.events, healthy.hub_requests


def all_tiers(seed: int, count: int) -> dict[str, Sequence[Schedule]]:
    """Return the schedules of every tier by its name."""
    calls, events, hub_requests = explore()
    return {
        "single faults": _varied(tiers.single_faults(calls, events, hub_requests)),
        "pairs on critical calls": tiers.some_repeated(tiers.pairs(calls, seed, PAIRS)),
        "two executions interleaved": list(tiers.interleaved(events)),
        "one layer alone": list(tiers.layers_alone(events)),
        "random, 1 to 6 faults": _varied(tiers.random_schedules(calls, events, seed, count)),
    }


def _varied(schedules: Iterable[Schedule]) -> list[Schedule]:
    return tiers.some_after_a_release(tiers.some_repeated(schedules))


def report(results: Sequence[TierResult]) -> None:
    """Print the table, what was not played, and every broken promise, shrunk."""
    print(
        f"{'tier':26}{'schedules':>10}{'faults':>9}{'checks':>9}{'broken':>8}{'p50':>7}{'p99':>7}{'max min':>9}{'s':>7}"
    )
    for result in results:
        faults, checks = (sum(result.total(name).values()) for name in ("injected", "checked"))
        numbers = "".join(f"{result.minutes.get(name, 0.0):7.1f}" for name in ("p50", "p99"))
        print(
            f"{result.name:26}{len(result.findings):10}{faults:9}{checks:9}"
            f"{len(result.broken):8}{numbers}{result.minutes.get('max', 0.0):9.1f}{result.seconds:7.0f}"
        )
    for result in results:
        if result.not_played:
            print(f"NOT PLAYED: {result.not_played} of {result.planned} schedules of {result.name}")
        for finding in result.broken[:SHRUNK]:
            smallest = tiers.shrink(finding.schedule, lambda schedule: bool(play_here(schedule).violations))
            print(f"\nBROKEN in {result.name}: {finding.violations[0]}")
            print(f"  {smallest}  [{smallest.layers}]")
            print(f"  --replay '{smallest.model_dump_json()}'")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, print, and return 1 when a promise was broken, 3 when not everything was played."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schedules", type=int, default=2000, help="random schedules")
    parser.add_argument("--tier", default="", help="only the tiers whose name begins so")
    parser.add_argument("--every", type=int, default=1, help="only every so many schedules of a tier")
    parser.add_argument("--replay", help="one schedule as JSON")
    parser.add_argument(
        "--json", type=Path, help="where to write the figures; what was played goes to .jsonl beside it"
    )
    parser.add_argument("--resume", action="store_true", help="go on with what the .jsonl file beside --json holds")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no schedule after this time")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    if given.resume and not given.json:
        parser.error("--resume needs --json")
    prepare()
    with process:
        if given.replay:
            try:
                return _replay(Schedule.model_validate_json(given.replay))
            except ValidationError as error:
                parser.error(f"--replay takes a schedule as a broken one prints it: {error}")
        try:
            results = _campaign(given)
        except JournalMismatchError as error:
            parser.error(str(error))
        report(results)
        if given.json:
            to_json_file(given.json, campaign_figures(results, seed=given.seed, processes=given.processes))
        return _exit_code(results)


def _exit_code(results: Sequence[TierResult]) -> int:
    if any(result.broken for result in results):
        return 1
    return 3 if any(result.not_played for result in results) else 0


def _campaign(given: argparse.Namespace) -> list[TierResult]:
    ends_at = time.monotonic() + given.minutes * 60
    made_by = {"seed": given.seed, "schedules": given.schedules, "every": given.every}
    journal = given.json and Journal(given.json.with_suffix(".jsonl"), made_by, resumes=given.resume)
    results = []
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        player = Player(pool, journal, ends_at)
        for name, schedules in all_tiers(given.seed, given.schedules).items():
            if name.startswith(given.tier):
                results.append(player.play(name, list(islice(schedules, 0, None, given.every))))
                print(f"{name}: {len(results[-1].findings)} played, {len(results[-1].broken)} broken", file=sys.stderr)
    return results


def _replay(schedule: Schedule) -> int:
    finding = play_here(schedule)
    print(f"{finding.schedule}: {finding.statuses} {finding.errors}, stopped after {finding.minutes_to_stop} min")
    for violation in finding.violations:
        print(f"BROKEN {violation}")
    return 1 if finding.violations else 0


if __name__ == "__main__":
    sys.exit(main())
