"""What the tiers of a campaign showed, as figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.play import Finding

LayerFigures = dict[str, dict[str, object]]


@dataclass
class TierResult:
    """What one tier showed."""

    name: str
    planned: int = 0
    resumed: int = 0
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def broken(self) -> list[Finding]:
        """Return the findings with a broken promise."""
        return [finding for finding in self.findings if finding.violations]

    @property
    def not_played(self) -> int:
        """Return how many schedules the time did not suffice for."""
        return self.planned - len(self.findings)

    @property
    def minutes(self) -> dict[str, float]:
        """Return the percentiles of the minutes until the instance was stopped."""
        return percentiles(minutes_to_stop(self.findings))

    def total(self, name: str) -> Counter[str]:
        """Return the sum of one of the findings' counters."""
        counted: Counter[str] = Counter()
        for finding in self.findings:
            counted.update(getattr(finding, name))
        return counted

    def summary(self) -> dict[str, Any]:
        """Return the tier as JSON."""
        injected, checked = self.total("injected"), self.total("checked")
        statuses = Counter(status for finding in self.findings for status in finding.statuses.values())
        return {
            "tier": self.name,
            "schedules": len(self.findings),
            "not_played": self.not_played,
            "played_in_an_earlier_sitting": self.resumed,
            "faults_injected": sum(injected.values()),
            "schedules_whose_fault_met_nothing": sum(not finding.injected for finding in self.findings),
            "checks": sum(checked.values()),
            "violations": len(self.broken),
            "statuses": dict(sorted(statuses.items())),
            "minutes_until_stopped": self.minutes,
            "seconds": round(self.seconds, 1),
            "injected_by_kind": dict(sorted(injected.items())),
            "checked_by_promise": dict(sorted(checked.items())),
        }


def minutes_to_stop(findings: Sequence[Finding]) -> list[float]:
    """Return how long each took to stop its instance, in minutes."""
    return [finding.minutes_to_stop for finding in findings if finding.minutes_to_stop is not None]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p99 and the maximum, in the unit given."""
    if not values:
        return {}
    ordered = sorted(values)
    places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) for name, share in places.items()}


def layer_figures(results: Sequence[TierResult]) -> LayerFigures:
    """Return the figures of all schedules with the same layers switched on."""
    found: dict[str, list[Finding]] = {}
    for finding in (finding for result in results for finding in result.findings):
        found.setdefault(str(finding.schedule.layers), []).append(finding)
    return {
        layers: {
            "schedules": len(findings),
            "violations": sum(bool(finding.violations) for finding in findings),
            "minutes_until_stopped": percentiles(minutes_to_stop(findings)),
        }
        for layers, findings in found.items()
    }


def campaign_figures(results: Sequence[TierResult], **made_by: object) -> Mapping[str, object]:
    """Return a whole campaign as JSON."""
    seconds = round(sum(result.seconds for result in results), 1)
    tiers = [result.summary() for result in results]
    return {**made_by, "seconds": seconds, "tiers": tiers, "layers": layer_figures(results)}


def to_json_file(path: Path, content: Mapping[str, object]) -> None:
    """Write figures to a file."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
