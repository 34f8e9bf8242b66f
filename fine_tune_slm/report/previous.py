"""The release that a run's model would take the place of, and how the two compare on the same notes."""

from __future__ import annotations

from dataclasses import dataclass

from slm_core.records import Gain, Metrics, Release, ReleaseHistory, RunRecord

from fine_tune_slm.kept_runs import KeptRun, KeptRuns
from fine_tune_slm.pairing import Measured, pair


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
    own = Measured(record.metrics, run.read_outcomes())
    pairing = pair(own, Measured(earlier.metrics, before.read_outcomes()))
    return PreviousRelease(earlier.metrics.run_id, earlier.metrics, pairing.gain, pairing.why_not)


def _newest_before(run: KeptRun, record: RunRecord) -> KeptRun | None:
    spec = run.read_spec()
    repo = spec.hub.publish_repo if spec else record.hub_repo
    found = []
    for other in KeptRuns.of(run).all():
        earlier = other.read_record()
        if earlier and earlier.hub_repo == repo and earlier.finished_at <= record.started_at:
            found.append((earlier.finished_at, other))
    return max(found, key=lambda pair: pair[0])[1] if found else None
