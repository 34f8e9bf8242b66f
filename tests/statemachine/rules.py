"""The rules of the workflow file as functions: each returns what breaks it, so that a test can show that it would."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from slm_core import lease
from slm_core.errors import leaves
from slm_core.state import WaitSeconds

ROOT = Path(__file__).parents[2]
WORKFLOW_FILE = ROOT / "statemachine" / "fine_tune.asl.json"
TEMPLATE_FILE = ROOT / "template.yaml"
# states that run another state's function
SHARED_FUNCTIONS = {"StopAfterFailure": "StopInstance", "StopBeforeRelaunch": "StopInstance"}
STOP_PATH = {
    # what PrepareRun catches replaces the state: a request that was refused must not go on in it
    "PrepareRun": "ForgetRequest",
    "StopAfterFailure": "RecordFailure",
    "RecordFailure": "RunFailedUnrecorded",
}
TRANSIENT = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
}
UNFINISHED = {"Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"}
AWS_NAMES = TRANSIENT | UNFINISHED | {"States.ALL"}

# the states in which the instance runs and somebody must be seen to care; each beats first of all
WATCHED = ("StartInstance", "CheckInstance", "StartTraining", "CheckTraining", "ArchiveArtifacts")
# the most that an attempt takes which does not get as far as the beat: the client's own attempts and time-outs
_BEFORE_THE_BEAT_SECONDS = 45
_LONGEST_WAIT_SECONDS: int = WaitSeconds.__metadata__[0].metadata[1].le  # type: ignore[attr-defined]

States = Mapping[str, dict[str, Any]]


class CloudFormationLoader(yaml.SafeLoader):
    """Reads a template's short intrinsic functions as plain values."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


CloudFormationLoader.add_multi_constructor("!", _intrinsic)


def load_template() -> dict[str, Any]:
    """Return template.yaml with its intrinsic functions read as plain values."""
    return yaml.load(TEMPLATE_FILE.read_text(encoding="utf-8"), CloudFormationLoader)  # noqa: S506 -- a SafeLoader


def tasks(states: States) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the Task states by name."""
    return ((name, state) for name, state in states.items() if state["Type"] == "Task")


def targets(state: Mapping[str, Any]) -> list[str]:
    """Return every state that a state may go to."""
    found = [state[key] for key in ("Next", "Default") if key in state]
    return found + [rule["Next"] for key in ("Choices", "Catch") for rule in state.get(key, ())]


def reachable(states: States, start: str, without: frozenset[str] = frozenset()) -> set[str]:
    """Return what can be reached from a state, itself included, never passing through the named states."""
    seen: set[str] = set()
    queue = [start]
    while queue:
        name = queue.pop()
        if name in seen or name in without or name not in states:
            continue
        seen.add(name)
        queue += targets(states[name])
    return seen


def dangling_or_unreachable(workflow: Mapping[str, Any]) -> Iterator[str]:
    states = workflow["States"]
    for name, state in states.items():
        yield from (
            f"{name} goes to {target}, which does not exist" for target in targets(state) if target not in states
        )
        if not targets(state) and state["Type"] not in {"Succeed", "Fail"}:
            yield f"{name} leads nowhere"
    yield from (f"{name} cannot be reached" for name in states.keys() - reachable(states, workflow["StartAt"]))


def missing_keys(workflow: Mapping[str, Any]) -> Iterator[str]:
    if "TimeoutSeconds" not in workflow:
        yield "the machine has no TimeoutSeconds"
    required = {"Task": ("TimeoutSeconds", "ResultPath", "Retry", "Catch"), "Choice": ("Default",)}
    for name, state in workflow["States"].items():
        wanted = ("Comment", *required.get(state["Type"], ()))
        yield from (f"{name} has no {key}" for key in wanted if not state.get(key))


def bad_retries(workflow: Mapping[str, Any]) -> Iterator[str]:
    never = {name for name, leaf in leaves().items() if not leaf.retryable} | {"States.ALL"}
    for name, state in tasks(workflow["States"]):
        retried = {error for rule in state.get("Retry", ()) for error in rule["ErrorEquals"]}
        yield from (f"{name} retries {error}" for error in sorted(retried & never))
        yield from (f"{name} does not retry {error}" for error in sorted(TRANSIENT - retried))
        for rule in state.get("Retry", ()):
            if rule.get("JitterStrategy") != "FULL" or "MaxDelaySeconds" not in rule:
                yield f"{name} retries {rule['ErrorEquals'][0]} without jitter or a largest delay"


def bad_catches(workflow: Mapping[str, Any]) -> Iterator[str]:
    for name, state in tasks(workflow["States"]):
        rules = state.get("Catch") or [{"ErrorEquals": []}]
        if rules[-1]["ErrorEquals"] != ["States.ALL"]:
            yield f"{name} does not catch States.ALL last and alone"
        for rule in rules:
            replaces = rule.get("ResultPath", "$") == "$"
            if replaces and name != "PrepareRun":
                yield f"{name} replaces the state with what it catches"
            if name == "PrepareRun" and not replaces:
                yield f"{name} keeps a refused request in the state"
            if rule.get("Next") != STOP_PATH.get(name, "StopAfterFailure"):
                yield f"{name} does not catch to the stop path"
            if "States.ALL" in rule["ErrorEquals"] and rule is not rules[-1]:
                yield f"{name} catches States.ALL before other errors"


def unknown_errors(workflow: Mapping[str, Any]) -> Iterator[str]:
    known = AWS_NAMES | leaves().keys()
    for name, state in tasks(workflow["States"]):
        named = {error for key in ("Retry", "Catch") for rule in state.get(key, ()) for error in rule["ErrorEquals"]}
        yield from (f"{name} names {error}, which is no error" for error in sorted(named - known))


def retryable_but_never_retried(workflow: Mapping[str, Any]) -> Iterator[str]:
    retried = {
        error
        for _, state in tasks(workflow["States"])
        for rule in state.get("Retry", ())
        for error in rule["ErrorEquals"]
    }
    retryable = {name for name, leaf in leaves().items() if leaf.retryable}
    yield from (f"{name} is retryable, but no state retries it" for name in sorted(retryable - retried))


def ways_past_the_stop(workflow: Mapping[str, Any]) -> Iterator[str]:
    states = workflow["States"]
    ends = {name for name, state in states.items() if state["Type"] in {"Succeed", "Fail"}}
    stops = frozenset({"StopInstance", "StopAfterFailure"})
    yield from (
        f"StartInstance leads to {end} without a stop" for end in ends & reachable(states, "StartInstance", stops)
    )
    green = {name for name in reachable(states, "StopAfterFailure") if states[name]["Type"] == "Succeed"}
    yield from (f"a failure ends green in {end}" for end in green)


def misspelt(workflow: Mapping[str, Any], template: Mapping[str, Any]) -> Iterator[str]:
    resources = template["Resources"]
    substitutions = resources["FineTuneStateMachine"]["Properties"]["DefinitionSubstitutions"]
    for name, state in tasks(workflow["States"]):
        function = SHARED_FUNCTIONS.get(name, name)
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", function).lower()
        spellings = {
            f"the placeholder of {name}": state["Resource"] == f"${{{function}FunctionArn}}",
            f"lambdas/{snake}.py": (ROOT / "lambdas" / f"{snake}.py").is_file(),
            f"the resource {function}Function": f"{function}Function" in resources,
            f"the substitution {function}FunctionArn": substitutions.get(f"{function}FunctionArn")
            == f"{function}Function.Version",
        }
        properties = resources.get(f"{function}Function", {}).get("Properties", {})
        group = resources.get(f"{function}LogGroup", {}).get("Properties", {}).get("LogGroupName", "")
        spellings[f"the handler of {function}Function"] = properties.get("Handler") == f"{snake}.handler"
        spellings[f"the log group of {function}"] = group.endswith(f"-{snake.replace('_', '-')}")
        yield from (f"{what} is missing or misspelt" for what, is_right in spellings.items() if not is_right)


def short_timeouts(workflow: Mapping[str, Any], template: Mapping[str, Any]) -> Iterator[str]:
    default = template["Globals"]["Function"]["Timeout"]
    for name, state in tasks(workflow["States"]):
        function = template["Resources"].get(f"{SHARED_FUNCTIONS.get(name, name)}Function", {"Properties": {}})
        if state.get("TimeoutSeconds", 0) < function["Properties"].get("Timeout", default):
            yield f"{name} times out before its function does"


def long_silences(workflow: Mapping[str, Any]) -> Iterator[str]:
    """Yield the states in which a healthy run may be silent for so long that the sweeper takes it for dead.

    The worst case: the longest wait, an attempt of full length after its beat, then every retry ended before one.
    """
    for name in WATCHED:
        state = workflow["States"][name]
        rules = [
            rule for rule in state.get("Retry", ()) if {"AwsUnavailableError", *UNFINISHED} & {*rule["ErrorEquals"]}
        ]
        silent = _LONGEST_WAIT_SECONDS + state.get("TimeoutSeconds", 0) + sum(map(_longest_seconds, rules))
        if silent > lease.TERM.total_seconds():
            yield f"{name} may be silent for {silent:.0f} s, longer than a lease runs"


def _longest_seconds(rule: Mapping[str, Any]) -> float:
    pauses = [rule["IntervalSeconds"] * rule["BackoffRate"] ** number for number in range(rule["MaxAttempts"])]
    return sum(min(pause, rule.get("MaxDelaySeconds", pause)) + _BEFORE_THE_BEAT_SECONDS for pause in pauses)


def half_retried(workflow: Mapping[str, Any]) -> Iterator[str]:
    for name, state in tasks(workflow["States"]):
        for rule in state.get("Retry", ()):
            named = UNFINISHED & set(rule["ErrorEquals"])
            if named and named != UNFINISHED:
                yield f"{name} retries some of the ways in which a function ends before its time, and others not"


def unquoted_placeholders(text: str) -> Iterator[str]:
    for match in re.finditer(r"\$\{\w+\}", text):
        if text[match.start() - 1] != '"' or text[match.end()] != '"':
            yield f"{match.group()} is not a whole string"


def violations(workflow: Mapping[str, Any], template: Mapping[str, Any]) -> list[str]:
    """Return everything that breaks a rule."""
    alone = (
        dangling_or_unreachable,
        missing_keys,
        bad_retries,
        bad_catches,
        unknown_errors,
        retryable_but_never_retried,
        ways_past_the_stop,
        long_silences,
        half_retried,
    )
    found = [problem for rule in alone for problem in rule(workflow)]
    return [*found, *misspelt(workflow, template), *short_timeouts(workflow, template)]
