"""Writes docs/cli.md from the commands themselves; a test holds that the page is what this writes.

python -m scripts.cli_page
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from fine_tune_slm.cli import app

NAME = "fine-tune-slm"
PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
EXAMPLE = "Example: "
HEAD = """# The command line

Written by `make cli` from the commands themselves: what `--help` says.

Without `--stage` (or `FINE_TUNE_SLM_STAGE`), and without an option for AWS alone, `runs`, `status`, `logs`, `stop`,
`resume` and `compare` mean the rehearsals of this machine, those that still run in another terminal too; with it, the
runs of that stage's stack.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed, or what was watched failed |
| 2 | your mistake; nothing was done |
| 75 | not now: try again |
| 130 | ended by Ctrl-C; what goes on was said |

An error is one line on stderr with its remedy, never a traceback. With `--json`, stdout has the answer for machines and
nothing else. `fine-tune-slm --install-completion` teaches the shell to complete commands, options and the ids of kept
runs.
"""


def page() -> str:
    """Return docs/cli.md as the commands make it."""
    sections = [line for path, command in commands() for line in _section(path, command)]
    return "\n".join((HEAD, *_contents(), *sections))


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its words."""
    yield from _below(NAME, typer.main.get_command(app))


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield path, command
        return
    for name, below in subcommands.items():
        yield from _below(f"{path} {name}", below)


def _contents() -> Iterator[str]:
    for path, command in commands():
        anchor = path.removeprefix(f"{NAME} ")
        sentence = (command.help or "").split("\n\n")[0].replace("\n", " ")
        yield f"* [`{anchor}`](#{anchor.replace(' ', '-')}): {sentence}"
    yield ""


def _section(path: str, command: Any) -> Iterator[str]:
    context = command.make_context(path, [], resilient_parsing=True)
    text, _, example = (command.help or "").partition(EXAMPLE)
    yield f"## {path.removeprefix(f'{NAME} ')}\n"
    yield f"{text.strip()}\n"
    yield f"    {example.strip()}\n"
    yield f"Usage: `{command.get_usage(context).removeprefix('Usage: ')}`\n"
    rows = [record for parameter in command.params if (record := parameter.get_help_record(context))]
    yield from ("| option | |", "|---|---|", *(f"| `{_plain(name)}` | {_plain(said)} |" for name, said in rows), "")


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("`", "").replace(str(Path.home()), "~")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
