"""A group of verbs of which Ctrl-C ends none in silence."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from fine_tune_slm.commands.options import CTRL_C

NOTHING_GOES_ON = "nothing of it goes on"
STILL_GOES_ON = {
    "start": "a run that it had started goes on; see it with: fine-tune-slm runs --stage STAGE",
    "resume": "a run that it had started in an account goes on; see it with: fine-tune-slm runs --stage STAGE",
    "delete": "what it had begun to delete, CloudFormation deletes",
}


class Verbs(TyperGroup):
    """Says what Ctrl-C ended, and what still runs; a verb that knows better says so in its KeyboardInterrupt."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that was named.

        Raises: typer.Exit with the exit code that a shell gives what Ctrl-C ended.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            verb = ctx.invoked_subcommand
            group = f"{ctx.info_name} " if ctx.parent else ""
            default = f"Ctrl-C ended {group}{verb}: {STILL_GOES_ON.get(verb, NOTHING_GOES_ON)}."
            print(f"fine-tune-slm: {str(interrupt) or default}", file=sys.stderr)
            raise typer.Exit(CTRL_C) from None
