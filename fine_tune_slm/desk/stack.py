"""The runs of a deployed stack, read from Step Functions and the bucket; a running rehearsal is read the same way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core import clock
from slm_core.layout import OUTCOMES_NAME, RUN_ID_PATTERN, RunKeys, s3_uri
from slm_core.prices import load_prices
from slm_core.records import Progress, RunRecord, RunSpec

from extraction.outcomes import NoteOutcomes
from fine_tune_slm.aws import ClientSource, target
from fine_tune_slm.deployed_stack import DeployedStack
from fine_tune_slm.desk.outlook import Outlook, outlook, rehearsal_outlook
from fine_tune_slm.desk.rows import RunRow, RunState, row_of_record
from fine_tune_slm.errors import ExecutionUnknownError, StackMissingError
from fine_tune_slm.kept_runs import LATEST, why_no_spec
from fine_tune_slm.naming import DEFAULT_STAGE, stack_name
from fine_tune_slm.project import find_project
from fine_tune_slm.timeline import RUNNING, Timeline
from fine_tune_slm.watch import WatchedExecution

PRICES = Path("config/prices.yml")

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts


class ReusedClients:
    """The clients of an account, each made once: making one takes as long as several calls."""

    def __init__(self, account: ClientSource) -> None:
        self._account = account
        self._made: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the client of one service."""
        if service not in self._made:
            self._made[service] = self._account.client(service)
        return self._made[service]


@dataclass(frozen=True)
class StackRuns:
    """The runs of one stack."""

    stack: DeployedStack
    is_emulated: bool = False

    def rows(self) -> Iterator[RunRow]:
        """Yield a row for each execution that Step Functions still knows, the newest first."""
        for execution in self.executions():
            yield self._row(execution)

    def executions(self, status: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield what ListExecutions says of each, the newest first."""
        wanted = {"stateMachineArn": self.stack.outputs["StateMachineArn"]}
        wanted |= {"statusFilter": status} if status else {}
        for page in self._client("stepfunctions").get_paginator("list_executions").paginate(**wanted):
            yield from page["executions"]

    def find(self, name: str) -> StackRun:
        """Return the run of that id; `latest` is the one that was started last.

        Raises: ExecutionUnknownError.
        """
        if name == LATEST:
            return self._newest()
        run = self.run(name) if RUN_ID_PATTERN.fullmatch(name) else None
        if run is None or run.description is None:
            raise ExecutionUnknownError(f"Step Functions knows no such run of stack {self.stack.name}")
        return run

    def find_model(self, name: str) -> StackRun:
        """Return the run of that id; `latest` is the newest one that has made a model.

        Raises: ExecutionUnknownError.
        """
        return self._newest(with_model=True) if name == LATEST else self.find(name)

    def find_ended(self, name: str) -> StackRun:
        """Return the run of that id; `latest` is the newest one that has ended.

        Raises: ExecutionUnknownError.
        """
        if name != LATEST:
            return self.find(name)
        for execution in self.executions():
            if execution["status"] != RUNNING:
                return self.run(execution["name"])
        raise ExecutionUnknownError(f"No run of stack {self.stack.name} that Step Functions still knows has ended")

    def running(self) -> Iterator[str]:
        """Yield the ids of the runs that go on."""
        return (execution["name"] for execution in self.executions(RUNNING))

    def run(self, run_id: str) -> StackRun:
        """Return the place of a run, whether it exists or not."""
        outputs = self.stack.outputs
        arn = outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{run_id}"
        execution = WatchedExecution(self._client("stepfunctions"), self._client("s3"), arn, outputs["BucketName"])
        return StackRun(self.stack, execution, self.is_emulated)

    def _client(self, service: str) -> Any:
        return self.stack.account.client(service)

    def _newest(self, *, with_model: bool = False) -> StackRun:
        for execution in self.executions():
            run = self.run(execution["name"])
            if not with_model or run.has_archive():
                return run
        what = "made a model" if with_model else "been started"
        raise ExecutionUnknownError(f"No run of stack {self.stack.name} that Step Functions still knows has {what}")

    def _row(self, execution: Mapping[str, Any]) -> RunRow:
        status = RunState(execution["status"].lower())
        record = None if status is RunState.RUNNING else self.run(execution["name"]).read_record()
        if record is not None:
            # an execution knows no "rejected"; a record of a run that was ended from outside says "failed"
            return row_of_record(record, None if status is RunState.FAILED else status)
        ended_at: datetime | None = execution.get("stopDate")
        seconds = (ended_at - execution["startDate"]).total_seconds() if ended_at else None
        return RunRow(run_id=execution["name"], status=status, started_at=execution["startDate"], seconds=seconds)


@dataclass(frozen=True)
class StackRun:
    """One run of a stack."""

    stack: DeployedStack
    execution: WatchedExecution
    is_emulated: bool = False

    @property
    def run_id(self) -> str:
        """Return the run id, which is the execution's name."""
        return self.execution.run_id

    @property
    def keys(self) -> RunKeys:
        """Return the run's keys in the bucket."""
        return RunKeys(self.run_id)

    @property
    def description(self) -> dict[str, Any] | None:
        """Return what DescribeExecution says; None when there is no such execution."""
        states = self.execution.stepfunctions
        try:
            return self.execution.description()
        except states.exceptions.ExecutionDoesNotExist:
            return None

    @property
    def is_running(self) -> bool:
        """Return whether the execution goes on."""
        return bool(self.execution.description()["status"] == RUNNING)

    def read_timeline(self) -> Timeline:
        """Return the states so far."""
        timeline = Timeline()
        description = self.execution.description()
        timeline.ingest(self.execution.events())
        if description["status"] != RUNNING:
            timeline.conclude(description)
        return timeline

    def read_record(self) -> RunRecord | None:
        """Return the record that an ended run wrote."""
        return self.execution.record()

    def read_spec(self) -> RunSpec | None:
        """Return run.json; None before PrepareRun has written it."""
        return self.execution.document(self.keys.spec, RunSpec)

    def why_no_spec(self) -> str | None:
        """Return why run.json cannot be read; None when it can."""
        return why_no_spec(self.execution.content(self.keys.spec))

    def read_progress(self) -> Progress | None:
        """Return the newest progress report."""
        return self.execution.progress()

    def read_outcomes(self) -> NoteOutcomes | None:
        """Return the counts of each validation note, out of the archive."""
        return self.execution.document(f"{self.keys.archive}{OUTCOMES_NAME}", NoteOutcomes)

    def outlook(self, progress: Progress) -> Outlook:
        """Return what is left of the run, and what it cost so far."""
        if self.is_emulated:
            return rehearsal_outlook(progress)
        lease = self.stack.lease()
        launches = lease.ordered_launches if lease.is_held_by(self.run_id) else ()
        return outlook(progress, launches, load_prices(find_project() / PRICES), clock.now())

    def has_archive(self) -> bool:
        """Return whether the run archived a model."""
        record = self.read_record()
        return record is not None and record.archive_uri is not None

    def places(self, record: RunRecord | None) -> list[tuple[str, str]]:
        """Return where everything of the run lies, as (name, place), only what exists."""
        instance = record.instance if record else None
        found = [
            ("instance", f"{instance.instance_id}, {instance.state}" if instance else None),
            ("archive", record.archive_uri if record else None),
            ("Hub repository", f"{record.hub_repo} at {record.hub_revision}" if record and record.hub_repo else None),
            ("record", s3_uri(self.execution.bucket, self.keys.record) if record else None),
            ("training log", f"{self.stack.outputs['TrainingLogGroupName']}, stream {self.run_id}"),
        ]
        return [(name, place) for name, place in found if place is not None]


def runs_of_stage(where: Whereabouts) -> StackRuns:
    """Return the runs of the stack that the options name.

    Raises: ArgumentInvalidError, StackMissingError and what AWS refuses.
    """
    account = target(where.profile, where.region, where.endpoint_url)
    return runs_of_stack(stack_name(where.stage_meant or DEFAULT_STAGE), account)


def runs_of_stack(name: str, account: ClientSource, *, is_emulated: bool = False) -> StackRuns:
    """Return the runs of the stack of that name.

    Raises: StackMissingError.
    """
    stack = DeployedStack(name, ReusedClients(account))
    if not {"StateMachineArn", "BucketName"} <= stack.outputs.keys():
        raise StackMissingError(f"Stack {name} was not deployed from this project's template, or not to its end")
    return StackRuns(stack, is_emulated)
