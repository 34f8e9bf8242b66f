"""`fine-tune-slm`: assembles the verbs and is the one place where an error becomes a line and an exit code.

Verbs import what they need when they run, so that --help answers at once.
"""

from __future__ import annotations

import errno
import os
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
from fine_tune_slm.errors import FileUnusableError

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}
"""What a write may fail with; such an error names no file."""
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
    """A known error ends in one line and its remedy, a reader that has gone in none, and neither in a traceback."""
    try:
        code = _ending_of(verbs)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        code = 1
    except OSError as error:
        if error.filename is None and error.errno not in UNWRITABLE:
            raise
        _drop_output()
        what = "The output" if error.filename is None else f"{error.filename}"
        print(f"fine-tune-slm: {FileUnusableError(f'{what} cannot be used: {error.strerror}')}", file=sys.stderr)
        code = 1
    sys.exit(code)


def _ending_of(verbs: typer.Typer) -> str | int | None:
    try:
        verbs()
    except FineTuneSlmError as error:
        print(f"fine-tune-slm: {error}", file=sys.stderr)
        return exit_code(error)
    except SystemExit as ended:
        return ended.code
    return 0


def _drop_output() -> None:
    """Let what is left in the buffer go nowhere: Python would try to write it once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_code(error: FineTuneSlmError) -> int:
    """Return 2 for the user's mistake, 75 where trying again may help, otherwise 1."""
    return error.exit_code if error.exit_code in {USER_MISTAKE, TRY_AGAIN} else 1


if __name__ == "__main__":
    main()
