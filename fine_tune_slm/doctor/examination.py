"""Lets the checks of an occasion look, one after the other; none of them can end the examination."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slm_core.errors import FineTuneSlmError

from fine_tune_slm.aws import aws_refusals_explained
from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, Verdict, fail, warn
from fine_tune_slm.doctor.registry import CHECKS, Check

SOMETHING_FAILED = 1


@dataclass(frozen=True)
class Examined:
    """A check and what it found."""

    name: str
    finding: Finding


def examine(context: Context, checks: Iterable[Check] = CHECKS) -> Iterator[Examined]:
    """Yield what each check of the occasion found, as soon as it has looked."""
    failed: set[str] = set()
    for check in checks:
        if context.request.occasion not in check.occasions:
            continue
        in_the_way = sorted(check.needs & failed)
        finding = _not_looked_at(in_the_way) if in_the_way else _finding(check, context)
        if in_the_way or finding.verdict is Verdict.FAIL:
            failed.add(check.name)
        yield Examined(check.name, finding)


def exit_code(examined: Iterable[Examined]) -> int:
    """Return 0 when nothing failed, warnings or not; otherwise 1."""
    return SOMETHING_FAILED if any(one.finding.verdict is Verdict.FAIL for one in examined) else 0


def _finding(check: Check, context: Context) -> Finding:
    try:
        with aws_refusals_explained():
            return check.look(context)
    except FineTuneSlmError as error:
        return fail(error.message, error.remedy)
    except Exception as error:  # noqa: BLE001 - the other checks must still look; its text could quote a secret
        where = _where(error)
        return fail(f"the check itself crashed: {type(error).__name__}{where}", "Report this as a bug, with this line.")


def _where(error: Exception) -> str:
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return "" if step is None else f" in {step.tb_frame.f_code.co_name}, line {step.tb_lineno}"


def _not_looked_at(names: list[str]) -> Finding:
    return warn(f"not looked at, because this failed: {', '.join(names)}", "Mend that first.")
