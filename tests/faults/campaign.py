"""Plays thousands of schedules and says what held: python -m tests.faults.campaign --seed N --schedules N

Exit code 1 when an invariant was broken; each broken one is shrunk, printed and can be replayed with --replay JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from tests.faults import tiers
from tests.faults.environment import without_the_users_settings
from tests.faults.fault import HostFault, RunPlan, Schedule
from tests.faults.play import Finding, play
from tests.faults.world.world import Account, emulated_account

PAIRS = 300
CHUNK = 25
_process = ExitStack()
_accounts: list[Account] = []


@dataclass
class TierResult:
    """What one tier showed."""

    name: str
    schedules: int = 0
    checked: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    minutes: list[float] = field(default_factory=list)
    broken: list[Finding] = field(default_factory=list)
    by_layers: dict[str, list[Finding]] = field(default_factory=dict)
    untouched: int = 0
    seconds: float = 0.0

    def add(self, finding: Finding) -> None:
        """Count one play."""
        self.schedules += 1
        self.checked += finding.checked
        self.injected += finding.injected
        self.statuses.update(finding.statuses.values())
        self.untouched += not finding.injected
        if finding.minutes_to_stop is not None:
            self.minutes.append(finding.minutes_to_stop)
        self.by_layers.setdefault(str(finding.schedule.layers), []).append(finding)
        if finding.violations:
            self.broken.append(finding)

    def summary(self) -> dict[str, object]:
        """Return the tier as JSON."""
        return {
            "tier": self.name,
            "schedules": self.schedules,
            "faults_injected": sum(self.injected.values()),
            "schedules_whose_fault_met_nothing": self.untouched,
            "checks": sum(self.checked.values()),
            "violations": len(self.broken),
            "statuses": dict(sorted(self.statuses.items())),
            "minutes_until_stopped": percentiles(self.minutes),
            "seconds": round(self.seconds, 1),
            "injected_by_kind": dict(sorted(self.injected.items())),
            "checked_by_promise": dict(sorted(self.checked.items())),
        }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p99 and the maximum, in the unit given."""
    if not values:
        return {}
    ordered = sorted(values)
    places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) for name, share in places.items()}


def layer_figures(results: Sequence[TierResult]) -> dict[str, dict[str, object]]:
    """Return the figures of all schedules with the same layers switched on."""
    found: dict[str, list[Finding]] = {}
    for result in results:
        for layers, findings in result.by_layers.items():
            found.setdefault(layers, []).extend(findings)
    return {
        layers: {
            "schedules": len(findings),
            "violations": sum(bool(finding.violations) for finding in findings),
            "minutes_until_stopped": percentiles(
                [finding.minutes_to_stop for finding in findings if finding.minutes_to_stop is not None]
            ),
        }
        for layers, findings in found.items()
    }


def prepare() -> None:
    """Open this process's account; what was imported is passed over by the garbage collector from here on."""
    without_the_users_settings()
    _accounts.append(_process.enter_context(emulated_account()))
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


def play_all(schedules: Sequence[Schedule]) -> list[Finding]:
    """Return the findings of some schedules, played in this process."""
    return [play(schedule, _accounts[0]) for schedule in schedules]


def explore() -> tuple[Counter[tuple[str, str]], int, int]:
    """Return the calls that runs make, the events of a healthy run and its requests to the Hub."""
    healthy, *others = play_all(
        [
            Schedule(),
            Schedule(faults=(HostFault(kind="crash", minute=9),)),
            Schedule(faults=(HostFault(kind="nan", minute=9),)),
            Schedule(faults=(HostFault(kind="capacity 1", minute=0),)),
            Schedule(runs=(RunPlan(name="a", f1=0.3),)),
            Schedule(runs=tiers.TWO_RUNS),
        ]
    )
    calls = tiers.merged([healthy.calls, *(finding.calls for finding in others)])
    return calls, healthy.events, healthy.hub_requests


def run_tier(name: str, schedules: Iterable[Schedule], pool: ProcessPoolExecutor) -> TierResult:
    """Return what a tier showed."""
    result, began = TierResult(name), time.monotonic()
    for findings in pool.map(play_all, _chunks(schedules)):
        for finding in findings:
            result.add(finding)
    result.seconds = time.monotonic() - began
    return result


def _chunks(schedules: Iterable[Schedule]) -> Iterator[list[Schedule]]:
    waiting = iter(schedules)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk


def all_tiers(seed: int, count: int) -> dict[str, Iterable[Schedule]]:
    """Return the schedules of every tier by its name."""
    calls, events, hub_requests = explore()
    return {
        "single faults": tiers.single_faults(calls, events, hub_requests),
        "pairs on critical calls": tiers.pairs(calls, seed, PAIRS),
        "one layer alone": tiers.layers_alone(events),
        "random, 1 to 6 faults": tiers.random_schedules(calls, events, seed, count),
    }


def report(results: Sequence[TierResult], stream: object = sys.stdout) -> None:
    """Print the table and every broken promise, shrunk."""
    head = (
        f"{'tier':26}{'schedules':>10}{'faults':>9}{'checks':>9}{'broken':>8}{'p50':>7}{'p99':>7}{'max min':>9}{'s':>7}"
    )
    print(head, file=stream)
    for result in results:
        minutes = percentiles(result.minutes)
        numbers = "".join(f"{minutes.get(name, 0.0):7.1f}" for name in ("p50", "p99"))
        print(
            f"{result.name:26}{result.schedules:10}{sum(result.injected.values()):9}{sum(result.checked.values()):9}"
            f"{len(result.broken):8}{numbers}{minutes.get('max', 0.0):9.1f}{result.seconds:7.0f}",
            file=stream,
        )
    for result in results:
        for finding in result.broken[:20]:
            smallest = tiers.shrink(finding.schedule, lambda schedule: bool(play(schedule, _accounts[0]).violations))
            print(f"\nBROKEN in {result.name}: {finding.violations[0]}", file=stream)
            print(f"  {smallest}  [{smallest.layers}]", file=stream)
            print(f"  --replay '{smallest.model_dump_json()}'", file=stream)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, print, and return 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schedules", type=int, default=2000, help="random schedules")
    parser.add_argument("--tier", help="only the tiers whose name begins so")
    parser.add_argument("--every", type=int, default=1, help="only every so many schedules of a tier")
    parser.add_argument("--replay", help="one schedule as JSON")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    prepare()
    with _process:
        if given.replay:
            return _replay(given.replay)
        results = _campaign(given)
        report(results)
        if given.json:
            content = {
                "seed": given.seed,
                "processes": given.processes,
                "seconds": round(sum(result.seconds for result in results), 1),
                "tiers": [result.summary() for result in results],
                "layers": layer_figures(results),
            }
            given.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return 1 if any(result.broken for result in results) else 0


def _campaign(given: argparse.Namespace) -> list[TierResult]:
    chosen = {
        name: islice(schedules, 0, None, given.every)
        for name, schedules in all_tiers(given.seed, given.schedules).items()
        if name.startswith(given.tier or "")
    }
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        results = []
        for name, schedules in chosen.items():
            results.append(run_tier(name, schedules, pool))
            print(f"{name}: {results[-1].schedules} schedules, {len(results[-1].broken)} broken", file=sys.stderr)
        return results


def _replay(text: str) -> int:
    finding = play(Schedule.model_validate_json(text), _accounts[0])
    print(f"{finding.schedule}: {finding.statuses} {finding.errors}, stopped after {finding.minutes_to_stop} min")
    for violation in finding.violations:
        print(f"BROKEN {violation}")
    return 1 if finding.violations else 0


if __name__ == "__main__":
    sys.exit(main())
