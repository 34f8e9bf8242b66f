"""The workflow as Mermaid diagrams and a table, out of statemachine/fine_tune.asl.json."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from scripts.tables import table

WORKFLOW_FILE = Path(__file__).parents[2] / "statemachine" / "fine_tune.asl.json"
START = "Receive"
ENDS = {"Succeed", "Fail"}
ANY_TASK = "AnyTask"
# more Tasks than this with the same Catch are drawn as one arrow
MANY = 3

States = Mapping[str, Mapping[str, Any]]


def load_states() -> dict[str, dict[str, Any]]:
    """Return the states of the workflow file, in its order."""
    states: dict[str, dict[str, Any]] = json.loads(WORKFLOW_FILE.read_text(encoding="utf-8"))["States"]
    return states


def blocks() -> dict[str, str]:
    """Return diagram and table of docs/architecture.md by their names."""
    states = load_states()
    return {"diagram": diagram(states), "states": state_table(states)}


def diagram(states: States) -> str:
    """Return the whole state machine; what many Tasks catch alike is one arrow."""
    lines = ["stateDiagram-v2", "    direction TB", f"    [*] --> {START}"]
    lines += [line for name, state in states.items() for line in _state(name, state)]
    lines += _catches(states)
    lines += [f"    {name} --> [*]" for name, state in states.items() if state["Type"] in ENDS]
    return _fenced(lines)


def _state(name: str, state: Mapping[str, Any]) -> Iterator[str]:
    if state["Type"] == "Choice":
        yield f"    state {name} <<choice>>"
        yield from (f"    {name} --> {way['Next']}: {_condition(way)}" for way in state["Choices"])
        yield f"    {name} --> {state['Default']}: otherwise"
    elif "Next" in state:
        yield f"    {name} --> {state['Next']}"


def _condition(way: Mapping[str, Any]) -> str:
    if "StringEquals" in way:
        return str(way["StringEquals"])
    asked = str(way["Variable"]).rpartition(".")[2]
    return asked if way["BooleanEquals"] else f"not {asked}"


def _catches(states: States) -> Iterator[str]:
    caught = [(name, catch["Next"]) for name, state in states.items() for catch in state.get("Catch", [])]
    usual = {target for target, count in Counter(target for _, target in caught).items() if count > MANY}
    yield from (f"    {name} --> {target}: failed" for name, target in caught if target not in usual)
    yield f"    {ANY_TASK}: any other Task"
    yield from (f"    {ANY_TASK} --> {target}: failed" for target in sorted(usual))


def overview(states: States) -> str:
    """Return the Tasks on the way to success, and where each of them leads when it fails."""
    way = [name for name in _way(states, START) if states[name]["Type"] in {"Task", "Succeed"}]
    failed = [name for name in _way(states, "StopAfterFailure") if states[name]["Type"] in {"Task", "Fail"}]
    lines = ["flowchart LR", *_chain(way, "-->"), f'    any["any of them<br/>fails"] -.-> {failed[0]}']
    return _fenced([*lines, *_chain(failed, "-.->"), *(f'    {name}["{_broken(name)}"]' for name in (*way, *failed))])


def _way(states: States, start: str) -> Iterator[str]:
    """Yield the states from a start to an end; a choice goes its first way unless that ends, then its default."""
    name: str | None = start
    while name:
        yield name
        state = states[name]
        first = state["Choices"][0]["Next"] if state["Type"] == "Choice" else state.get("Next")
        is_end = state["Type"] == "Choice" and states[first]["Type"] in ENDS
        name = state["Default"] if is_end else first


def _chain(names: list[str], arrow: str) -> list[str]:
    return [f"    {one} {arrow} {other}" for one, other in pairwise(names)]


def _broken(name: str) -> str:
    return "<br/>".join(re.findall(r"[A-Z][a-z]+", name))


def state_table(states: States) -> str:
    """Return what each state does, in the words of the workflow file."""
    rows = [(f"`{name}`", str(state["Type"]), str(state["Comment"])) for name, state in states.items()]
    return "\n".join(table(("state", "type", "what it does"), rows)) + "\n"


def _fenced(lines: list[str]) -> str:
    return "\n".join(("```mermaid", *lines, "```")) + "\n"
