"""Small changes of the product, made in this process and taken back: of a function's text, or of the workflow file."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import itertools
import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from slm_core.aws import client

from tests.faults.fault import Schedule
from tests.faults.world.guard import guard
from tests.faults.world.world import Account, definition

Change = Callable[[Account], AbstractContextManager[None]]
Document = dict[str, Any]
# what a call of the product is replaced by: its arguments are read, and nothing happens
NOTHING = "(lambda *_: None)("
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Mutant:
    """One change of the product, the promises that should notice it, and where it is looked for."""

    name: str
    change: Change
    promises: tuple[str, ...]
    schedules: tuple[Schedule, ...]


class TextMissingError(LookupError):
    """The text that a mutant changes is not there any more: the mutant must follow the product."""


def in_code(place: str, old: str, new: str, *more: tuple[str, str, str]) -> Change:
    """Return the change of a text in a function, named as 'module:function' or 'module:Class.function'.

    The function's code is exchanged, not its name: whoever has imported the function meets the changed one.
    """

    @contextlib.contextmanager
    def changed(_account: Account) -> Iterator[None]:
        edits: dict[str, list[tuple[str, str]]] = {}
        for where, before, after in ((place, old, new), *more):
            edits.setdefault(where, []).append((before, after))
        with contextlib.ExitStack() as stack:
            for where, texts in edits.items():
                stack.enter_context(_code_changed(where, texts))
            yield

    return changed


def in_workflow(edit: Callable[[Document], None]) -> Change:
    """Return the change of the workflow file: `edit` gets its states and changes them in place."""
    return in_machine(lambda document: edit(document["States"]))


def in_machine(edit: Callable[[Document], None]) -> Change:
    """Return the change of the workflow file: `edit` gets all of it and changes it in place."""

    @contextlib.contextmanager
    def changed(account: Account) -> Iterator[None]:
        document = json.loads(definition())
        edit(document)
        if document == json.loads(definition()):
            raise TextMissingError("the edit changes nothing")
        made = client("stepfunctions").create_state_machine(
            name=f"mutant-{next(_numbers)}",
            definition=json.dumps(document),
            roleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/machine",
        )
        original, account.machine_arn = account.machine_arn, made["stateMachineArn"]
        try:
            yield
        finally:
            account.machine_arn = original

    return changed


def mutants(*given: tuple[str, Change, str | tuple[str, ...], Sequence[Schedule]]) -> tuple[Mutant, ...]:
    """Return mutants from their name, change, promise or promises, and schedules."""
    return tuple(
        Mutant(name, change, (promises,) if isinstance(promises, str) else promises, tuple(schedules))
        for name, change, promises, schedules in given
    )


def function_at(place: str) -> FunctionType:
    """Return a function of the product, without what decorates it."""
    module_name, _, path = place.partition(":")
    found: Any = guard() if module_name == "host.guard" else importlib.import_module(module_name)
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    found = found.fget if isinstance(found, property) else found
    function = inspect.unwrap(found)
    if not isinstance(function, FunctionType):
        raise TextMissingError(place)
    return function


@contextlib.contextmanager
def _code_changed(place: str, edits: Sequence[tuple[str, str]]) -> Iterator[None]:
    function = function_at(place)
    text = inspect.getsource(function)
    for old, new in edits:
        if old not in text:
            raise TextMissingError(f"{place} does not hold {old!r}")
        text = text.replace(old, new)
    original, function.__code__ = function.__code__, _compiled(textwrap.dedent(text), function)
    try:
        yield
    finally:
        function.__code__ = original


def _compiled(text: str, function: FunctionType) -> CodeType:
    tree = ast.parse(text)
    (definition_node,) = tree.body
    definition_node.decorator_list = []  # type: ignore[attr-defined]
    code = compile(tree, function.__code__.co_filename, "exec", flags=annotations.compiler_flag)
    space: dict[str, Any] = {}
    exec(code, function.__globals__, space)  # noqa: S102 - the text is the product's own
    made: FunctionType = space[function.__name__]
    return made.__code__
