"""Whether every parameter is there, well formed, and what the stack says."""

from __future__ import annotations

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok
from fine_tune_slm.parameter_check import parameter_problems


def look_at_settings(context: Context) -> Finding:
    """Return what `params check` finds, in one line."""
    found = parameter_problems(context.specs, context.parameters, context.stack.outputs)
    if found:
        return fail("; ".join(problem.told for problem in found), found[0].remedy)
    return ok(f"all {len(context.specs)} are there, well formed, and agree with the stack")
