"""What can go wrong, as data: a schedule is a list of faults that can be printed, replayed and shrunk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FOREVER = 10_000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CallFault(_Frozen):
    """A call of a function to AWS that goes wrong, before or after its effect."""

    place: Literal["call"] = "call"
    kind: str
    function: str
    operation: str = Field(description="As botocore spells it: s3.GetObject.")
    occurrence: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    is_after: bool = False

    def __str__(self) -> str:
        moment = "after" if self.is_after else "before"
        return f"{self.kind} {moment} {self.function} {self.operation} #{self.occurrence} x{self.times}"


class FunctionFault(_Frozen):
    """An invocation that Lambda refuses, ends, or makes slow."""

    place: Literal["function"] = "function"
    kind: str
    function: str
    occurrence: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)

    def __str__(self) -> str:
        return f"{self.kind} {self.function} #{self.occurrence} x{self.times}"


class HostFault(_Frozen):
    """Something that happens on or to the instance at a time after the first execution's start."""

    place: Literal["host"] = "host"
    kind: str
    minute: float = Field(ge=0)

    def __str__(self) -> str:
        return f"host {self.kind} at {self.minute:g} min"


class WorkflowFault(_Frozen):
    """The execution is ended from outside at one of its events, or an event about it goes astray."""

    place: Literal["workflow"] = "workflow"
    kind: str
    event: int = Field(default=1, ge=1)

    def __str__(self) -> str:
        return f"workflow {self.kind} at event {self.event}"


class HubFault(_Frozen):
    """A request to the Hub that is answered with an error, before or after its effect."""

    place: Literal["hub"] = "hub"
    kind: str = Field(description="A status code, or 'broken' for a connection that breaks.")
    occurrence: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    is_after: bool = False

    def __str__(self) -> str:
        moment = "after" if self.is_after else "before"
        return f"hub {self.kind} {moment} request #{self.occurrence} x{self.times}"


class SettingFault(_Frozen):
    """Something in the account that is not as it should be from the start."""

    place: Literal["setting"] = "setting"
    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"setting {self.kind} {self.name}".rstrip()


Fault = Annotated[
    CallFault | FunctionFault | HostFault | WorkflowFault | HubFault | SettingFault, Field(discriminator="place")
]


class Layers(_Frozen):
    """Which of the four layers that stop the instance are switched on."""

    workflow: bool = True
    reaper: bool = True
    sweeper: bool = True
    guard: bool = True

    def __str__(self) -> str:
        return "+".join(name for name in type(self).model_fields if getattr(self, name)) or "none"


class RunPlan(_Frozen):
    """One execution: when it starts, with which input, and how long its training takes."""

    name: str
    execution_input: str = "{}"
    after_minutes: float = 0.0
    steps: int = 90
    seconds_per_step: float = 10.0
    f1: float = 0.9
    resumes: str | None = Field(default=None, description="The plan whose run this one is asked to continue.")


class Schedule(_Frozen):
    """All that happens in one world; the same schedule happens the same way every time."""

    seed: int = 0
    runs: tuple[RunPlan, ...] = (RunPlan(name="a"),)
    faults: tuple[Fault, ...] = ()
    layers: Layers = Layers()
    earlier_f1: float | None = None
    """Macro-F1 of a release that was published before; None where this is the first."""
    repeats: bool = False
    """Start the first run once more under its name when all is over."""

    @property
    def has_sweeper(self) -> bool:
        """Whether the sweeper is on and no fault meets it: one that is met may be as good as off."""
        return self.layers.sweeper and not any(getattr(one, "function", "") == "SweepInstances" for one in self.faults)

    def __str__(self) -> str:
        return "; ".join(str(fault) for fault in self.faults) or "no fault"
