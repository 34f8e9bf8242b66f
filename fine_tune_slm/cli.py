"""`fine-tune-slm`: assembles the verbs and is the one place where an error becomes a line and an exit code.

Verbs import what they need when they run, so that --help answers at once.
"""

from __future__ import annotations

import sys

import typer
from slm_core.errors import FineTuneSlmError

from fine_tune_slm.commands import (
    compare,
    dataset,
    delete,
    doctor,
    extract,
    logs,
    params,
    plan,
    rehearse,
    report,
    rollback,
    runs,
    score,
    serve,
    start,
    status,
    stop,
)
from fine_tune_slm.commands.verbs import Verbs

USER_MISTAKE = 2
TRY_AGAIN = 75

app = typer.Typer(
    cls=Verbs,
    name="fine-tune-slm",
    help="Fine-tune a small Llama to read clinical notes: one workflow, on AWS or whole on this machine.",
    epilog="Exit codes: 0 ok, 1 failed, 2 your mistake, 75 try again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("rehearse")(rehearse.rehearse)
app.command("extract")(extract.extract)
app.command("serve")(serve.serve)
app.command("runs")(runs.runs)
app.command("status")(status.status)
app.command("logs")(logs.logs)
app.command("start")(start.start)
app.command("stop")(stop.stop)
app.command("resume")(start.resume)
app.command("compare")(compare.compare)
app.command("plan")(plan.plan)
app.command("report")(report.report)
app.command("score")(score.score)
app.command("rollback")(rollback.rollback)
app.command("doctor")(doctor.doctor)
app.command("delete")(delete.delete)
app.add_typer(dataset.app, name="dataset")
app.add_typer(params.app, name="params")


def main() -> None:
    """Run the command line."""
    _run(app)


def run_params_init() -> None:
    """Run `fine-tune-slm params init` alone, for scripts/setup/init_ssm_parameters.py."""
    alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    alone.command()(params.init)
    _run(alone)


def _run(verbs: typer.Typer) -> None:
    """A known error ends in one line and its remedy, never in a traceback."""
    try:
        verbs()
    except FineTuneSlmError as error:
        print(f"fine-tune-slm: {error}", file=sys.stderr)
        sys.exit(exit_code(error))


def exit_code(error: FineTuneSlmError) -> int:
    """Return 2 for the user's mistake, 75 where trying again may help, otherwise 1."""
    return error.exit_code if error.exit_code in {USER_MISTAKE, TRY_AGAIN} else 1


if __name__ == "__main__":
    main()
