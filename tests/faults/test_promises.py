"""Every promise that a campaign counts can be broken: a mutant says so."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from tests.faults import invariants, outcomes, play, repeat
from tests.faults.mutant_list import MUTANTS

COUNTED_IN = (invariants, outcomes, play, repeat)
BREAKS_THE_CAMPAIGN_AND_NOT_THE_PRODUCT = {play.WORLD_HOLDS}


def promises() -> Iterator[str]:
    for module in COUNTED_IN:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "require":
                name = node.args[0]
                yield getattr(module, name.id) if isinstance(name, ast.Name) else ast.literal_eval(name)


def test_every_promise_is_wanted_by_a_mutant() -> None:
    wanted = {promise for mutant in MUTANTS for promise in mutant.promises}
    assert set(promises()) - BREAKS_THE_CAMPAIGN_AND_NOT_THE_PRODUCT == wanted
