"""docs/errors.md: every error that a person may be shown, from the two modules that define them and the runbook."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

from slm_core import errors as core

from fine_tune_slm import errors as desk
from fine_tune_slm.cli import exit_code
from scripts.docs.values import escaped
from scripts.tables import table

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
CORE_COLUMNS = ("error", "meaning", "exit code", "training's code", "tried again", "remedy")


def blocks() -> dict[str, str]:
    """Return the tables of docs/errors.md by their names."""
    tables = {"workflow errors": _core_sections(), "command line errors": _desk_table()}
    return {name: "\n".join(lines) + "\n" for name, lines in tables.items()}


def _core_sections() -> Iterator[str]:
    answers = dict(runbook_rows())
    for parent in core.FineTuneSlmError.__subclasses__():
        if parent.__module__ != core.__name__:
            continue
        section = answers[next(iter(_leaves(parent, core))).__name__][0]
        yield f"### {parent.__name__}\n"
        yield f"{_first_line(parent)} Where to look: [runbook](runbook.md#{_anchor(section)}).\n"
        yield from (*table(CORE_COLUMNS, _core_rows(parent, answers)), "")


def _core_rows(
    parent: type[core.FineTuneSlmError], answers: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[str, ...]]:
    for leaf in _leaves(parent, core):
        shown = exit_code(leaf("message"))
        own = str(leaf.exit_code) if leaf.exit_code != shown else ""
        is_retried = "yes" if leaf.retryable else ""
        yield f"`{leaf.__name__}`", answers[leaf.__name__][1], str(shown), own, is_retried, escaped(leaf.remedy)


def runbook_rows() -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each error with the runbook's section about it and its meaning there."""
    section = ""
    for line in RUNBOOK.read_text(encoding="utf-8").splitlines():
        section = line.removeprefix("### ") if line.startswith("### ") else section
        if row := re.match(r"\| `(\w+Error)` \| ([^|]+) \|", line):
            yield row[1], (section, row[2])


def _desk_table() -> Iterator[str]:
    meanings = dict(re.findall(r"── (\w+Error) +(.+)", inspect.getdoc(desk) or ""))
    rows = [
        (f"`{leaf.__name__}`", meanings[leaf.__name__], _ending(leaf), escaped(leaf.remedy))
        for leaf in _leaves(desk.CommandLineError, desk)
    ]
    yield from table(("error", "meaning", "exit code", "remedy"), rows)


def _ending(leaf: type[core.FineTuneSlmError]) -> str:
    # serve goes on after these: what ends is a request
    return f"HTTP {leaf.http_status}" if issubclass(leaf, desk.ServingError) else str(exit_code(leaf("message")))


def _leaves(parent: type[core.FineTuneSlmError], module: ModuleType) -> Iterator[type[core.FineTuneSlmError]]:
    children = [child for child in parent.__subclasses__() if child.__module__ == module.__name__]
    if not children:
        yield parent
    for child in children:
        yield from _leaves(child, module)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").split("\n")[0]


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
