"""Makes a schedule's faults happen in a world, and counts those that did."""

from __future__ import annotations

import contextlib
import json
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from slm_core.aws import client

from fine_tune_slm.localcloud.fleet.fleet import StartFault
from tests.faults.canary import CANARY_NOTE, CANARY_TOKEN
from tests.faults.fault import CallFault, FunctionFault, HostFault, HubFault, Schedule, SettingFault, WorkflowFault
from tests.faults.world.functions import FunctionKilled, Invocation, ServiceFailedError
from tests.faults.world.world import TYPES, World

LEAKY = f"{CANARY_TOKEN} {CANARY_NOTE}"
CODES: Mapping[str, tuple[str, int]] = {
    "throttled": ("ThrottlingException", 400),
    "unavailable": ("ServiceUnavailable", 503),
    "internal": ("InternalError", 500),
    "slow down": ("SlowDown", 503),
    "denied": ("AccessDeniedException", 400),
    "conflict": ("ConditionalRequestConflict", 409),
    "precondition": ("PreconditionFailed", 412),
    # S3 has begun to answer when its copy fails: an error behind a status of success
    "error in 200": ("InternalError", 200),
    "capacity": ("InsufficientInstanceCapacity", 500),
    "quota": ("VcpuLimitExceeded", 400),
    "unsuitable": ("Unsupported", 400),
    "changing": ("IncorrectInstanceState", 400),
    "protected": ("OperationNotPermitted", 400),
    "unregistered": ("InvalidInstanceId", 400),
}
STATUS_DETAILS = (
    "Success",
    "Failed/Delivery Timed Out",
    "TimedOut/Execution Timed Out",
    "Failed",
    "Cancelled",
    "Failed/Undeliverable",
    "Failed/Terminated",
    "Failed/Invalid Platform",
    "Failed/Access Denied",
    "Pending",
    "Delayed",
    "Newfangled",
)
EXIT_CODES = (0, 1, 125, 126, 127, 137, 139, 168, 169, 194)
PAUSE_SECONDS = 20.0
STILL_SECONDS = 3 * 3600.0
_EVENT_DELAYS_SECONDS = {"event lost": (), "event twice": (0.0, 90.0), "event late": (900.0,)}
_ENDINGS = {
    "aborted": ExecutionStatus.ABORTED,
    "timed out": ExecutionStatus.TIMED_OUT,
    "runtime error": ExecutionStatus.FAILED,
}


class Injection:
    """The faults of one schedule."""

    def __init__(self, schedule: Schedule, world: World) -> None:
        self._schedule = schedule
        self._world = world
        self._seen: Counter[str] = Counter()
        self._earlier: dict[str, Any] = {}
        self.hub_requests = 0
        self._unset_already: set[tuple[str, str]] = set()
        self.injected: Counter[str] = Counter()
        self.lost_events: set[str] = set()
        self._calls = [fault for fault in schedule.faults if isinstance(fault, CallFault)]
        self._functions = [fault for fault in schedule.faults if isinstance(fault, FunctionFault)]
        self._hub = [fault for fault in schedule.faults if isinstance(fault, HubFault)]
        self._workflow = [fault for fault in schedule.faults if isinstance(fault, WorkflowFault)]

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Let the faults happen inside the block."""
        self._world.hooks.before_function = self._before_function
        self._world.hooks.before_call = self._before_call
        self._world.hooks.after_call = self._after_call
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._hub_watched())
            stack.enter_context(self._events_watched())
            for fault in self._schedule.faults:
                if isinstance(fault, HostFault):
                    self._world.timeline.after(fault.minute * 60, lambda fault=fault: self._strike(fault))
                elif isinstance(fault, SettingFault):
                    self._unset(fault)
            yield

    def event_delays_seconds(self) -> tuple[float, ...]:
        """Return how late the event about an execution's end arrives, each time that it does."""
        met = [fault.kind for fault in self._workflow if fault.kind in _EVENT_DELAYS_SECONDS]
        if not met:
            return (0.0,)
        self._count(f"workflow: {met[-1]}")
        return _EVENT_DELAYS_SECONDS[met[-1]]

    # ------------------------------------------------------------------ Lambda
    def _before_function(self, invocation: Invocation) -> float | None:
        for fault in self._functions:
            if fault.function != invocation.function or not _is_hit(fault, invocation.number):
                continue
            self._count(f"Lambda: {fault.kind}")
            if fault.kind.startswith("Lambda."):
                raise ServiceFailedError(fault.kind)
            if fault.kind == "slow":
                return 2000.0
        return None

    def _kind_of_function(self, invocation: Invocation) -> str | None:
        for fault in self._functions:
            if fault.function == invocation.function and _is_hit(fault, invocation.number):
                return fault.kind
        return None

    def _before_call(self, invocation: Invocation, name: str, request: Mapping[str, Any]) -> None:
        del request
        if self._kind_of_function(invocation) == "killed at once":
            raise FunctionKilled("Runtime.ExitError")
        for fault in self._matching(invocation, name, is_after=False):
            self._fail(fault)

    def _after_call(self, invocation: Invocation, name: str, request: Mapping[str, Any], answer: Any) -> Any:
        number = self._seen[f"{invocation.function} {name}"]
        for fault in self._calls:
            is_here = fault.function == invocation.function and fault.operation == name
            if is_here and fault.is_after and _is_hit(fault, number):
                self._count(f"call: {fault.kind}, after its effect")
                self._fail(fault, is_counted=False)
        key = f"{name} {sorted(request.items(), key=str)!s}"
        stale = self._earlier.get(key)
        self._earlier.setdefault(key, answer)
        for fault in self._calls:
            is_here = fault.function == invocation.function and fault.operation == name
            if is_here and fault.kind == "stale" and stale is not None and _is_hit(fault, number):
                self._count("call: stale")
                return stale
        return answer

    def _matching(self, invocation: Invocation, name: str, *, is_after: bool) -> list[CallFault]:
        self._seen[f"{invocation.function} {name}"] += 1
        number = self._seen[f"{invocation.function} {name}"]
        return [
            fault
            for fault in self._calls
            if fault.function == invocation.function
            and fault.operation == name
            and fault.is_after == is_after
            and fault.kind != "stale"
            and _is_hit(fault, number)
        ]

    def _fail(self, fault: CallFault, *, is_counted: bool = True) -> None:
        if is_counted:
            self._count(f"call: {fault.kind}")
        operation = fault.operation.partition(".")[2]
        if fault.kind == "killed":
            raise FunctionKilled("Sandbox.Timedout")
        if fault.kind == "pause":
            self._world.timeline.sleep(PAUSE_SECONDS)
        elif fault.kind == "timed out":
            error = ReadTimeoutError if fault.is_after else ConnectTimeoutError
            raise error(endpoint_url=f"https://example.invalid/{urllib.parse.quote(CANARY_TOKEN)}", error=LEAKY)
        else:
            code, status = CODES[fault.kind]
            response = {"Error": {"Code": code, "Message": LEAKY}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(response, operation)  # type: ignore[arg-type]

    # ------------------------------------------------------------------ the host
    def _strike(self, fault: HostFault) -> None:
        kind, _, detail = fault.kind.partition(" ")
        act = getattr(self, f"_host_{kind}")
        if act(detail) is not False:
            self._count(f"host: {fault.kind}")

    def _host_crash(self, _detail: str) -> bool:
        return self._if_running(self._world.host.crash)

    def _host_reboot(self, _detail: str) -> bool:
        return self._if_running(self._world.host.reboot)

    def _host_stopped(self, _detail: str) -> bool:
        """Stop the instance as a person would in the console."""
        return self._if_running(lambda: self._as_a_person("stop_instances"))

    def _host_started(self, _detail: str) -> bool:
        if self._world.instance().state != "stopped":
            return False
        self._as_a_person("start_instances")
        return True

    def _host_retagged(self, _detail: str) -> None:
        tags = [{"Key": "deadline", "Value": "2099-01-01T00:00:00+00:00"}]
        client("ec2").create_tags(Resources=[self._world.account.instance_id], Tags=tags)

    def _host_untagged(self, _detail: str) -> None:
        client("ec2").delete_tags(Resources=[self._world.account.instance_id], Tags=[{"Key": "deadline"}])

    def _host_impaired(self, _detail: str) -> None:
        self._for_minutes("is_impaired", 30)

    def _host_agent(self, _detail: str) -> None:
        self._for_minutes("is_agent_dead", 40)

    def _host_metadata(self, _detail: str) -> None:
        self._for_minutes("is_metadata_silent", 40)

    def _host_torn(self, _detail: str) -> None:
        self._for_minutes("is_torn", 15)

    def _host_unstaged(self, _detail: str) -> None:
        self._for_minutes("is_staging_broken", 6)

    def _host_hang(self, _detail: str) -> bool:
        job = self._world.host.job
        if job:
            job.is_silent = True
        return bool(job)

    def _host_oom(self, _detail: str) -> bool:
        return self._with_job(lambda job: job.die(137, oom_killed=True))

    def _host_exit(self, detail: str) -> bool:
        return self._with_job(lambda job: job.die(int(detail)))

    def _host_nan(self, _detail: str) -> bool:
        return self._with_job(lambda job: job.fail("TrainingDivergedError", 24))

    def _host_disk(self, _detail: str) -> bool:
        return self._with_job(lambda job: job.fail("DiskFullError", 25))

    def _host_chatty(self, _detail: str) -> bool:
        return self._with_job(lambda job: job.fail("TrainingFailedError", 29, "The training process gave no reason"))

    def _host_capacity(self, detail: str) -> None:
        """Accept a start and give up on it."""
        count = int(detail or 1)
        self._world.host.start_faults.extend(
            [StartFault("Server.InsufficientInstanceCapacity", is_accepted=True)] * count
        )

    def _host_aborted(self, _detail: str) -> None:
        """End the first execution at a time rather than at an event: in the middle of a function, too."""
        self._end(self._world.execution(self._schedule.runs[0].name), "aborted")

    def _host_still(self, _detail: str) -> None:
        """Let Step Functions itself stand still, longer than a lease lasts."""
        self._world.engine.stand_still(STILL_SECONDS)

    def _host_scarce(self, _detail: str) -> None:
        """Accept every start as the first type and give up on it."""
        self._world.host.is_scarce = lambda: bool(self._world.instance().instance_type == TYPES[0])

    def _host_corrupt(self, _detail: str) -> None:
        """Lose the last byte of a file on its way to staging."""
        self._world.host.is_corrupting = True

    def _host_command(self, detail: str) -> None:
        self._world.host.command_endings.append(detail)

    def _host_twice(self, _detail: str) -> None:
        self._world.commands.extra_executions = 1

    def _for_minutes(self, name: str, minutes: float) -> None:
        setattr(self._world.host, name, True)
        self._world.timeline.after(minutes * 60, lambda: setattr(self._world.host, name, False))

    def _if_running(self, act: Callable[[], None]) -> bool:
        is_running = bool(self._world.instance().state == "running")
        if is_running:
            act()
        return is_running

    def _with_job(self, act: Callable[[Any], None]) -> bool:
        job = self._world.host.job
        if job and not job.is_over:
            act(job)
            return True
        return False

    def _as_a_person(self, operation: str) -> None:
        getattr(client("ec2"), operation)(InstanceIds=[self._world.account.instance_id])

    # ------------------------------------------------------------------ the execution
    @contextlib.contextmanager
    def _events_watched(self) -> Iterator[None]:
        ends = {fault.event: fault for fault in self._workflow if not fault.kind.startswith("event ")}
        original = EventManager.add_event
        world = self._world

        def add_event(manager: EventManager, *arguments: Any, **named: Any) -> Any:
            number = original(manager, *arguments, **named)
            fault = ends.get(len(manager._history_event_list))
            if fault is None:
                return number
            execution = world.execution(self._schedule.runs[0].name)
            is_first = execution and execution.exec_worker.env and execution.exec_worker.env.event_manager is manager
            if is_first and execution.exec_status is ExecutionStatus.RUNNING:
                ends.pop(fault.event)
                self._count(f"workflow: {fault.kind}")
                self._end(execution, fault.kind)
            return number

        with mock.patch.object(EventManager, "add_event", add_event):
            yield

    def _end(self, execution: Any, kind: str) -> None:
        self._world.engine.end(execution, _ENDINGS[kind])

    # ------------------------------------------------------------------ the Hub
    @contextlib.contextmanager
    def _hub_watched(self) -> Iterator[None]:
        import httpx2
        import urllib3

        send, request = httpx2.HTTPTransport.handle_request, urllib3.PoolManager.request

        def handle_request(transport: Any, http_request: Any) -> Any:
            before, after = self._hub_turn()
            if before is not None:
                return _hub_answer(before, http_request)
            answer = send(transport, http_request)
            return answer if after is None else _hub_answer(after, http_request)

        def pool_request(pool: Any, method: str, url: str, *arguments: Any, **named: Any) -> Any:
            before, after = self._hub_turn()
            kind = after if before is None else before
            if kind == "broken":
                raise urllib3.exceptions.ProtocolError(LEAKY)
            if kind is not None:
                return urllib3.HTTPResponse(LEAKY.encode(), status=int(kind))
            return request(pool, method, url, *arguments, **named)

        with (
            mock.patch.object(httpx2.HTTPTransport, "handle_request", handle_request),
            mock.patch.object(urllib3.PoolManager, "request", pool_request),
            mock.patch("huggingface_hub.utils._http.time.sleep", self._world.timeline.sleep),
        ):
            yield

    def _hub_turn(self) -> tuple[str | None, str | None]:
        self.hub_requests += 1
        for fault in self._hub:
            if _is_hit(fault, self.hub_requests):
                self._count(f"hub: {fault.kind}{', after its effect' if fault.is_after else ''}")
                return (None, fault.kind) if fault.is_after else (fault.kind, None)
        return None, None

    # ------------------------------------------------------------------ the account
    def _unset(self, fault: SettingFault) -> None:
        world, number = self._world, self._world.account.number
        what = (fault.kind.partition(" ")[0], fault.name if fault.kind != "clock skew" else "")
        if what in self._unset_already:
            return  # what is missing cannot be made empty
        self._unset_already.add(what)
        self._count(f"setting: {fault.kind}")
        if fault.kind == "parameter missing":
            client("ssm").delete_parameter(Name=f"{world.root}/{fault.name}")
        elif fault.kind == "parameter malformed":
            client("ssm").put_parameter(Name=f"{world.root}/{fault.name}", Value=LEAKY, Type="String", Overwrite=True)
        elif fault.kind == "secret missing":
            client("secretsmanager").delete_secret(SecretId=f"{fault.name}-{number}", ForceDeleteWithoutRecovery=True)
        elif fault.kind == "secret empty":
            client("secretsmanager").put_secret_value(SecretId=f"{fault.name}-{number}", SecretString=" ")
        elif fault.kind == "secret rotated":
            client("secretsmanager").put_secret_value(SecretId=f"{fault.name}-{number}", SecretString=CANARY_TOKEN)
        elif fault.kind == "clock skew":
            world.clock_skew_seconds = float(fault.name)
        else:
            raise ValueError(f"unknown setting fault {fault.kind!r}")

    def _count(self, what: str) -> None:
        self.injected[what] += 1


def _is_hit(fault: CallFault | FunctionFault | HubFault, number: int) -> bool:
    return fault.occurrence <= number < fault.occurrence + fault.times


def _hub_answer(kind: str, request: Any) -> Any:
    import httpx2

    if kind == "broken":
        raise httpx2.ReadError(LEAKY, request=request)
    body = json.dumps({"error": LEAKY}).encode()
    return httpx2.Response(int(kind), content=body, headers={"X-Error-Message": CANARY_TOKEN}, request=request)
