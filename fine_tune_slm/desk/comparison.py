"""Two runs beside each other: in what they were configured differently, and how much better the second scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from slm_core.records import Difference, Evaluation, Gain, RunRecord, RunSpec
from slm_core.training_config import Frozen

from extraction.outcomes import NoteOutcomes
from extraction.schema import FIELDS
from fine_tune_slm.desk.place import FoundRun
from fine_tune_slm.errors import NothingToCompareError
from fine_tune_slm.pairing import Measured, Pairing, pair

DocumentT = TypeVar("DocumentT")
NOT_MEASURED = "one of the two runs has no scores"
BESIDE_CONFIG = ("dataset_sha256", "base_model", "image", "git_commit", "instance_types", "resume_from")
COMPARED_USAGE = ("billed_seconds", "cost_usd", "relaunches")


class ConfigDifference(Frozen):
    """One value in which two runs differ."""

    key: str
    first: Any
    second: Any


class ScorePair(Frozen):
    """One score of both runs; the difference is the second's minus the first's."""

    name: str
    first: float
    second: float
    difference: Difference | None


@dataclass(frozen=True)
class ComparedRun:
    """What a comparison needs to know of a run."""

    run_id: str
    spec: RunSpec | None
    why_no_spec: str | None
    record: RunRecord | None
    outcomes: NoteOutcomes | None

    @property
    def measured(self) -> Measured | None:
        """Return what was measured of the run's model."""
        metrics = self.record.metrics if self.record else None
        return Measured(metrics, self.outcomes) if metrics else None


@dataclass(frozen=True)
class RunComparison:
    """Two runs beside each other."""

    first: ComparedRun
    second: ComparedRun
    configuration: tuple[ConfigDifference, ...]
    scores: tuple[ScorePair, ...]
    usage: tuple[ConfigDifference, ...]
    why_not_paired: str | None

    @property
    def why_not_configured(self) -> str | None:
        """Return why the configurations are not compared; None when they are."""
        reasons = [f"of {run.run_id}, {run.why_no_spec}" for run in (self.first, self.second) if run.spec is None]
        return "; ".join(dict.fromkeys(reasons)) or None

    @property
    def why_not_used(self) -> str | None:
        """Return why time and cost are not compared; None when they are."""
        lacking = [run.run_id for run in (self.first, self.second) if run.record is None]
        return f"no record can be read of {' and '.join(dict.fromkeys(lacking))}" if lacking else None

    def as_json(self) -> str:
        """Return the comparison for machines."""
        parts = {name: [part.model_dump(mode="json") for part in getattr(self, name)] for name in PARTS}
        runs = [self.first.run_id, self.second.run_id]
        reasons = {name: getattr(self, name) for name in REASONS}
        return json.dumps({"runs": runs} | reasons | parts)


PARTS = ("configuration", "scores", "usage")
REASONS = ("why_not_configured", "why_not_paired", "why_not_used")


def read_compared(run: FoundRun) -> ComparedRun:
    """Return what is known of a run.

    Raises: NothingToCompareError.
    """
    compared = ComparedRun(run.run_id, run.read_spec(), run.why_no_spec(), run.read_record(), run.read_outcomes())
    if compared.spec is None and compared.record is None:
        raise NothingToCompareError(
            f"Run {run.run_id} has neither a configuration nor a record: {compared.why_no_spec}"
        )
    return compared


def compare_runs(first: ComparedRun, second: ComparedRun) -> RunComparison:
    """Return how two runs differ."""
    pairing = _pairing(first, second)
    return RunComparison(
        first=first,
        second=second,
        configuration=tuple(_differences_of(first.spec, second.spec, _configuration)),
        scores=tuple(_scores(first.measured, second.measured, pairing.gain)),
        usage=tuple(_differences_of(first.record, second.record, _usage)),
        why_not_paired=pairing.why_not,
    )


def _pairing(first: ComparedRun, second: ComparedRun) -> Pairing:
    if first.measured is None or second.measured is None:
        return Pairing(None, NOT_MEASURED)
    return pair(second.measured, first.measured)


def _configuration(spec: RunSpec) -> dict[str, Any]:
    document = spec.model_dump(mode="json")
    return flattened(document["config"]) | flattened({name: document[name] for name in BESIDE_CONFIG})


def flattened(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested document with one dotted key for each value."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _usage(record: RunRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in COMPARED_USAGE}


def _differences_of(
    one: DocumentT | None, other: DocumentT | None, values: Callable[[DocumentT], Mapping[str, Any]]
) -> Iterator[ConfigDifference]:
    if one is None or other is None:
        return
    first, second = values(one), values(other)
    for key in dict.fromkeys((*first, *second)):
        if first.get(key) != second.get(key):
            yield ConfigDifference(key=key, first=first.get(key), second=second.get(key))


def _scores(first: Measured | None, second: Measured | None, gain: Gain | None) -> Iterator[ScorePair]:
    if first is None or second is None:
        return
    one, other = first.metrics.after, second.metrics.after
    yield _pair("macro-F1", one.macro_f1, other.macro_f1, gain.macro_f1 if gain else None)
    yield _pair("record exact", one.record_exact, other.record_exact, gain.record_exact if gain else None)
    for name in FIELDS:
        yield _pair(name, _f1(one, name), _f1(other, name), gain.fields[name] if gain else None)
    yield _pair("JSON valid", one.json_valid, other.json_valid, None)
    yield _pair("ungrounded", one.ungrounded_rate, other.ungrounded_rate, None)


def _pair(name: str, first: float, second: float, difference: Difference | None) -> ScorePair:
    return ScorePair(name=name, first=first, second=second, difference=difference)


def _f1(evaluation: Evaluation, name: str) -> float:
    return evaluation.fields[name].f1
