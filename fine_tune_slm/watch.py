"""Follows one execution to its end, through the calls that a user's account allows as well: history and progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from slm_core.layout import RunKeys
from slm_core.records import Progress, RunRecord

from fine_tune_slm.desk.outlook import Outlook, rehearsal_outlook
from fine_tune_slm.live import LiveView
from fine_tune_slm.timeline import RUNNING, Timeline

POLL_SECONDS = 1.0
"""Locally every look costs the training some of its processor."""
EVENTS_A_PAGE = 500
DocumentT = TypeVar("DocumentT", bound=BaseModel)


@dataclass(frozen=True)
class WatchedExecution:
    """One execution and where it writes."""

    stepfunctions: Any
    s3: Any
    execution_arn: str
    bucket: str

    @property
    def run_id(self) -> str:
        """Return the run id, which is the execution's name."""
        return self.execution_arn.rsplit(":", 1)[-1]

    def events(self, after_id: int = 0) -> list[dict[str, Any]]:
        """Return the events so far whose id is above `after_id`, the oldest first; a long history is not read again."""
        newest_first = self.stepfunctions.get_paginator("get_execution_history").paginate(
            executionArn=self.execution_arn, reverseOrder=True, PaginationConfig={"PageSize": EVENTS_A_PAGE}
        )
        found: list[dict[str, Any]] = []
        for page in newest_first:
            fresh = [event for event in page["events"] if event["id"] > after_id]
            found += fresh
            if len(fresh) < len(page["events"]):
                break
        return sorted(found, key=lambda event: int(event["id"]))

    def description(self) -> dict[str, Any]:
        """Return what DescribeExecution says."""
        answer: dict[str, Any] = self.stepfunctions.describe_execution(executionArn=self.execution_arn)
        return answer

    def progress(self) -> Progress | None:
        """Return the newest progress report, if there is one that can be read."""
        return self.document(RunKeys(self.run_id).progress, Progress)

    def record(self) -> RunRecord | None:
        """Return the run's record, once CompleteRun or RecordFailure has written it."""
        return self.document(RunKeys(self.run_id).record, RunRecord)

    def document(self, key: str, model: type[DocumentT]) -> DocumentT | None:
        """Return a document of the bucket; None when there is none that can be read."""
        content = self.content(key)
        try:
            return model.model_validate_json(content) if content is not None else None
        except ValidationError:
            return None

    def content(self, key: str) -> bytes | None:
        """Return an object of the bucket; None when there is none."""
        try:
            return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except self.s3.exceptions.NoSuchKey:
            return None


@dataclass(frozen=True)
class Manner:
    """How a run is watched: what is said beside its progress, and how often it is looked at."""

    outlook: Callable[[Progress], Outlook | None] = rehearsal_outlook
    poll_seconds: float = POLL_SECONDS


def watch(
    execution: WatchedExecution,
    timeline: Timeline,
    view: LiveView,
    on_progress: Callable[[Progress], None] | None = None,
    manner: Manner = Manner(),
) -> Timeline:
    """Show an execution until it has ended, and return its complete timeline."""
    while True:
        description = execution.description()
        view.states(timeline.ingest(execution.events(timeline.last_event_id)))
        progress = execution.progress()
        if progress is not None:
            view.progress(progress, manner.outlook(progress))
            if on_progress is not None:
                on_progress(progress)
        if description["status"] != RUNNING:
            view.states(timeline.conclude(description))
            return timeline
        time.sleep(manner.poll_seconds)
