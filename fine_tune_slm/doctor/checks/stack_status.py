"""Whether the stack is there and whole."""

from __future__ import annotations

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok


def look_at_stack(context: Context) -> Finding:
    """Return the stack's status."""
    stack = context.stack
    if not stack.is_usable:
        remedy = f"aws cloudformation describe-stack-events --stack-name {stack.name} says why; deploy again."
        return fail(f"{stack.name} is {stack.status}", remedy)
    return ok(f"{stack.name} is {stack.status}")
