"""What holds for every command: its page is fresh, its help has an example that parses, a wrong option exits 2."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fine_tune_slm import cli
from scripts.cli_page import EXAMPLE, NAME, PAGE, commands, page

ROOT = Path(__file__).parents[2]
COMMANDS = dict(commands())
# pydantic is not among them: typer itself parses with it
HEAVY = {
    "boto3",
    "botocore",
    "torch",
    "transformers",
    "jinja2",
    "yaml",
    "starlette",
    "moto",
    "huggingface_hub",
}
WITHOUT_JSON = {
    "extract": "its answer is JSON lines as it is, whoever reads it",
    "serve": "its answer is a page that stays open; programs ask its /extract, which answers in JSON",
}
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'core'}"}


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", words)
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_page_is_what_the_commands_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/cli.md is stale: make cli"


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_is_a_command_line_that_its_command_takes(path):
    command = COMMANDS[path]
    _, _, example = command.help.partition(EXAMPLE)
    words = shlex.split(example)
    own = path.split()
    assert words[: len(own)] == own
    command.make_context(path, words[len(own) :])


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_help_and_refuses_an_option_that_it_does_not_know(path, monkeypatch, capsys):
    assert run([*path.split(), "--help"], monkeypatch) == 0
    assert "Example: fine-tune-slm" in capsys.readouterr().out
    assert run([*path.split(), "--no-such-option"], monkeypatch) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--no-such-option" in captured.err
    assert "Traceback" not in captured.err


def test_no_help_page_loads_what_only_the_work_needs():
    code = f"""
import contextlib, io, json, sys
from fine_tune_slm import cli
for words in {[path.split() for path in COMMANDS]!r} + [["fine-tune-slm"]]:
    sys.argv = [*words, "--help"]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        cli.main()
print(json.dumps(sorted({HEAVY!r} & set(sys.modules))))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(answer.stdout) == []


def test_every_command_answers_machines_or_there_is_a_reason_why_not():
    options = {path: {name for option in command.params for name in option.opts} for path, command in COMMANDS.items()}
    without = {path.removeprefix(f"{NAME} ") for path, names in options.items() if "--json" not in names}
    assert without == set(WITHOUT_JSON)


def completions(line: str, cwd: Path) -> set[str]:
    """Return what a shell is offered at the end of a line."""
    words = line.split(" ")
    asked = {"_FINE_TUNE_SLM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = "import sys; sys.argv[0] = 'fine-tune-slm'; from fine_tune_slm.cli import main; main()"
    command = [sys.executable, "-c", program]
    answer = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT | asked, capture_output=True, text=True, check=False, timeout=120
    )
    return set(answer.stdout.split())


def test_the_shell_completes_commands_options_and_kept_runs(tmp_path):
    for name in ("rehearsal-1", "rehearsal-2", "other"):
        (tmp_path / ".local" / "runs" / name).mkdir(parents=True)
    assert completions("fine-tune-slm st", tmp_path) == {"start", "status", "stop"}
    assert completions("fine-tune-slm status reh", tmp_path) == {"rehearsal-1", "rehearsal-2"}
    assert completions("fine-tune-slm runs --st", tmp_path) == {"--state", "--stage"}
