"""The emulated AWS and the local Hub, started together and ended together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends

from fine_tune_slm.localcloud import keeping
from fine_tune_slm.localcloud.clients import Clients
from fine_tune_slm.localcloud.deploy.package import ARTIFACTS_BUCKET
from fine_tune_slm.localcloud.deploy.stack import Deployment, deploy
from fine_tune_slm.localcloud.errors import AlreadyRunningError, OperationUnmappedError
from fine_tune_slm.localcloud.events import EventBridge
from fine_tune_slm.localcloud.fleet.fleet import Fleet
from fine_tune_slm.localcloud.fleet.host import HostSpec
from fine_tune_slm.localcloud.hub.server import LocalHub
from fine_tune_slm.localcloud.iam import roles
from fine_tune_slm.localcloud.iam.gate import Gate
from fine_tune_slm.localcloud.iam.inventory import Inventory
from fine_tune_slm.localcloud.iam.journal import Journal
from fine_tune_slm.localcloud.runtime.functions import Functions
from fine_tune_slm.localcloud.seams import cloudformation_types, ec2, lambdas, s3, ssm, states
from fine_tune_slm.localcloud.seams.seam import installed, require_moto
from fine_tune_slm.localcloud.server import CALLER_CREDENTIALS, moto_server
from fine_tune_slm.localcloud.settings import LocalCloudSettings

STACK_NAME = "fine-tune-slm"
_SETTLE_SECONDS = 5.0
# moto keeps its state in module globals.
_ONLY_ONE = threading.Lock()


class LocalCloud:
    """An emulated AWS with one region and one account; use it as a context manager, one at a time in a process.

    What functions, the state machine, schedules and hosts may do is decided by the roles of the deployed stack.

    Raises: on entry AlreadyRunningError, or SeamBrokenError when moto is not the version that the seams fit; on exit
    OperationUnmappedError when a role called something of which nobody has said what it needs.
    """

    endpoint_url: str
    hub: LocalHub
    fleet: Fleet
    journal: Journal

    def __init__(self, settings: LocalCloudSettings) -> None:
        self.settings = settings
        self.root = settings.root.resolve()
        self._resources = contextlib.ExitStack()
        self._clients: Clients

    def __enter__(self) -> Self:
        require_moto()
        if not _ONLY_ONE.acquire(blocking=False):
            raise AlreadyRunningError("There is an emulated AWS in this process already")
        with contextlib.ExitStack() as resources:
            resources.callback(_ONLY_ONE.release)
            self._start(resources)
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        unmapped = self.journal.unmapped()
        if unmapped and error is None:
            raise OperationUnmappedError("; ".join(unmapped))

    def deploy(
        self, template: Path, parameters: Mapping[str, str] | None = None, stack_name: str = STACK_NAME
    ) -> dict[str, str]:
        """Return the outputs of the stack made from a SAM template and the local directories that it names.

        Instances are stopped afterwards, as the real one is when its first boot has run its user data.

        Raises: TemplateUnsupportedError, DeploymentFailedError, PolicyUnsupportedError.
        """
        deployment = Deployment(template, dict(parameters or {}), stack_name, self.settings.region)
        outputs = deploy(deployment, self.client("cloudformation"), self.client("s3"))
        roles.require_readable_roles()
        ec2.stop_after_first_boot(ec2_backends[DEFAULT_ACCOUNT_ID][self.settings.region])
        if self.settings.schedules_fire:
            self._events.start_schedules()
        return outputs

    def fire_schedule(self, name: str) -> str:
        """Return the ARN of what a schedule has just started or invoked, with its own role, switched on or not.

        Raises: KeyError when there is no such schedule; ClientError when its role may not.
        """
        return self._events.fire(name)

    def hasten_events(self) -> None:
        """Try again at once, from now on, where a function that an event invoked has failed."""
        self._events.hasten()

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulated AWS."""
        return self._clients.get(service)

    def environment(self) -> dict[str, str]:
        """Return the variables that lead a child process to the emulated AWS and the local Hub."""
        return {
            **CALLER_CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.settings.region,
            "AWS_DEFAULT_REGION": self.settings.region,
            "HF_ENDPOINT": self.hub.endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "FINE_TUNE_SLM_VOLUME": str(self.settings.volume_directory.resolve()),
        }

    def events(self, execution_arn: str, after_id: int = 0) -> list[dict[str, Any]]:
        """Return the execution's events so far whose id is above `after_id`, oldest first; callable while it runs."""
        events = self.client("stepfunctions").get_execution_history(executionArn=execution_arn)["events"]
        return [event for event in events if event["id"] > after_id]

    def save_history(self, execution_arn: str) -> Path:
        """Return the file under root/executions that now holds the execution's history."""
        return keeping.keep_history(self.client("stepfunctions"), execution_arn, self.root / "executions")

    def save_objects(self) -> None:
        """Write every object to root/s3/<bucket>/<key>; close does it too."""
        keeping.keep_objects(self.client("s3"), self.root / "s3", frozenset({ARTIFACTS_BUCKET}))

    def close(self) -> None:
        """Keep what is to be kept and end everything that was started; a second call does nothing."""
        self._resources.close()

    def _start(self, resources: contextlib.ExitStack) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.hub = resources.enter_context(contextlib.closing(LocalHub(self.root / "hub")))
        self.endpoint_url = resources.enter_context(moto_server(self.root / "logs" / "aws.log"))
        self._clients = resources.enter_context(contextlib.closing(Clients(self.endpoint_url, self.settings.region)))
        self._functions = resources.enter_context(
            contextlib.closing(Functions(self._clients, self.root, self.endpoint_url, self.settings))
        )
        self.fleet = resources.enter_context(
            contextlib.closing(Fleet(self._host_spec(), self.settings.timings, self._clients))
        )
        self.journal = Journal()
        self._events = EventBridge(self._clients, self.settings.region, self.settings.wait_scale)
        resources.enter_context(
            installed(
                [
                    *states.seams(self.settings.wait_scale, self._clients.get),
                    states.end_seam(self._events.execution_ended),
                    *lambdas.seams(self._functions),
                    *s3.seams(),
                    *Gate(Inventory(self.settings.region), self.journal).seams(),
                    *roles.seams(),
                    *cloudformation_types.seams(),
                    *ec2.seams(self.fleet),
                    *ssm.seams(ssm.RunCommand(self.fleet)),
                ]
            )
        )
        resources.enter_context(self._keeping())
        # the first to close: nothing is to be reaped of what ends because the cloud does
        resources.callback(self._events.close)

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[None]:
        try:
            yield
        finally:
            states.abort_executions(self.settings.region)
            self._functions.close()  # ends the task that an aborted execution still waits for
            states.wait_until_ended(self.settings.region, _SETTLE_SECONDS)
            self.save_objects()
            self.journal.keep(self.root / "permissions.json")
            keeping.keep_histories(self.client("stepfunctions"), self.root / "executions")

    def _host_spec(self) -> HostSpec:
        return HostSpec(
            root=self.root,
            volume=self.settings.volume_directory,
            endpoint_url=self.endpoint_url,
            region=self.settings.region,
            entry_point=self.settings.container_entry_point,
            container_engine=self.settings.container_engine,
        )
