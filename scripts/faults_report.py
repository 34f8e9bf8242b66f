"""Writes docs/measured/faults.md from the figures of the campaign and of its mutants, which stand beside it as JSON.

python -m scripts.faults_report; `make faults` runs it after both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.tables import table

MEASURED = Path(__file__).parents[1] / "docs" / "measured"


def page(campaign: Mapping[str, Any], mutants: Mapping[str, Any]) -> str:
    """Return the figures as a page of tables."""
    tiers = campaign["tiers"]
    killed = sum(bool(mutant["killed_by"]) for mutant in mutants["mutants"])
    lines = [
        "# The fault campaign, measured",
        "",
        f"Made by `make faults SEED={campaign['seed']}` in {campaign['seconds'] / 60:.1f} minutes with"
        f" {campaign['processes']} processes. How it works and how to replay a schedule: [../faults.md](../faults.md).",
        "",
        *table(_HEAD, [_tier(tier) for tier in tiers]),
        "",
        *_incomplete(tiers),
        "Minutes: virtual time from the end of the execution, or from a person's start of the instance, to its stop.",
        "",
        "## Each layer alone",
        "",
        *table(
            ("layers on", "schedules", "violations", "p50 min", "p99 min", "max min"),
            [_layer(name, one) for name, one in campaign["layers"].items()],
        ),
        "",
        "## Promises, and how often each was checked",
        "",
        *table(("promise", "checks"), _counted(tiers, "checked_by_promise")),
        "",
        "## Faults that happened, by kind",
        "",
        *table(("fault", "times"), _counted(tiers, "injected_by_kind")),
        "",
        "## Mutants",
        "",
        f"{killed} of {len(mutants['mutants'])} deliberate mistakes in workflow and code were noticed by a promise.",
        "",
        *table(
            ("mutant", "noticed by"),
            [(mutant["name"], "; ".join(mutant["killed_by"]) or "**nothing**") for mutant in mutants["mutants"]],
        ),
    ]
    return "\n".join(lines) + "\n"


_HEAD = ("tier", "schedules", "faults", "checks", "violations", "p50 min", "p99 min", "max min")


def _tier(tier: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = (tier[key] for key in ("schedules", "faults_injected", "checks", "violations"))
    return tier["tier"], *(f"{number:,}" for number in numbers), *_minutes(tier["minutes_until_stopped"])


def _incomplete(tiers: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for tier in tiers:
        if tier["not_played"]:
            yield from (f"**{tier['not_played']:,} schedules of {tier['tier']} were not played.**", "")
    if resumed := sum(tier["played_in_an_earlier_sitting"] for tier in tiers):
        yield from (f"{resumed:,} of the schedules were played in an earlier sitting; the time is the last one's.", "")


def _layer(name: str, layer: Mapping[str, Any]) -> tuple[str, ...]:
    return name, f"{layer['schedules']:,}", str(layer["violations"]), *_minutes(layer["minutes_until_stopped"])


def _minutes(percentiles: Mapping[str, float]) -> Iterable[str]:
    return (f"{percentiles.get(name, 0.0):.1f}" for name in ("p50", "p99", "max"))


def _counted(tiers: Sequence[Mapping[str, Any]], key: str) -> list[tuple[str, str]]:
    total: Counter[str] = Counter()
    for tier in tiers:
        total.update(tier[key])
    return [(name, f"{count:,}") for name, count in sorted(total.items())]


def main() -> None:
    """Write the page."""
    campaign, mutants = (json.loads((MEASURED / name).read_text()) for name in ("faults.json", "mutants.json"))
    (MEASURED / "faults.md").write_text(page(campaign, mutants), encoding="utf-8")


if __name__ == "__main__":
    main()
