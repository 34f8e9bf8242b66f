"""The release that a run's model would take the place of, and how the two compare on the same notes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from slm_core.layout import OUTCOMES_NAME
from slm_core.records import Gain, Metrics, Release, ReleaseHistory, RunRecord

from extraction.comparison import compare_counts
from extraction.outcomes import NoteOutcomes
from fine_tune_slm.kept_runs import KeptRun, KeptRuns

NO_COUNTS = "one of the two archives does not tell the counts of each note"
OTHER_NOTES = "the two were measured on different notes, so their difference says nothing"


@dataclass(frozen=True)
class PreviousRelease:
    """The release before, with the paired comparison or the reason why there is none."""

    run_id: str
    metrics: Metrics
    gain: Gain | None
    why_not_paired: str | None


def published_before(history: ReleaseHistory, run_id: str) -> Release | None:
    """Return the release that main held when this run was judged."""
    own = next((place for place, release in enumerate(history.releases) if release.run_id == run_id), None)
    standing = [release for release in history.releases[:own] if not release.is_withdrawn]
    return standing[-1] if standing else None


def previous_release(run: KeptRun, record: RunRecord, published: Release | None) -> PreviousRelease | None:
    """Return the release before this run: the one that the gate saw, or else the newest earlier one on this machine."""
    if record.metrics is None:
        return None
    before = KeptRuns.of(run).run(published.run_id) if published else _newest_before(run, record)
    earlier = before.read_record() if before else None
    if before is None or earlier is None or earlier.metrics is None:
        return None
    return _compared(record.metrics, (run.archive(), before.archive()), earlier.metrics)


def read_outcomes(archive: Path | None) -> NoteOutcomes | None:
    """Return the counts of each note; None when the archive does not tell them."""
    try:
        return NoteOutcomes.model_validate_json((archive / OUTCOMES_NAME).read_bytes()) if archive else None
    except (FileNotFoundError, ValidationError):
        return None


def _newest_before(run: KeptRun, record: RunRecord) -> KeptRun | None:
    spec = run.read_spec()
    repo = spec.hub.publish_repo if spec else record.hub_repo
    found = []
    for other in KeptRuns.of(run).all():
        earlier = other.read_record()
        if earlier and earlier.hub_repo == repo and earlier.finished_at <= record.started_at:
            found.append((earlier.finished_at, other))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _compared(now: Metrics, archives: tuple[Path | None, Path | None], earlier: Metrics) -> PreviousRelease:
    measured = [(one.validation_sha256, one.after.samples) for one in (now, earlier)]
    if measured[0] != measured[1]:
        return PreviousRelease(earlier.run_id, earlier, None, OTHER_NOTES)
    counts, others = (read_outcomes(archive) for archive in archives)
    if counts is None or others is None or counts.columns != others.columns:
        return PreviousRelease(earlier.run_id, earlier, None, NO_COUNTS)
    compared = compare_counts(counts.after, others.after)
    gain = Gain.model_validate(compared.model_dump(include=set(Gain.model_fields)))
    return PreviousRelease(earlier.run_id, earlier, gain, None)
