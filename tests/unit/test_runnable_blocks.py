"""The command blocks of the documents that are marked as runnable run, and every command that they name exists."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from slm_core.errors import FineTuneSlmError

from fine_tune_slm import errors as _  # noqa: F401 - its classes are looked up by their base
from fine_tune_slm.desk.place import Whereabouts, next_commands
from scripts.cli_page import NAME, commands
from scripts.docs import newcomer
from scripts.docs.runnable import Block, Terminal, blocks
from tests.statemachine.rules import load_template

ROOT = Path(__file__).parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")})
MARKED = [block for page in PAGES for block in blocks(page)]
CHEAP = [block for block in MARKED if not block.mark]
OPTIONS = {
    path.removeprefix(f"{NAME} "): {
        name for option in command.params for name in (*option.opts, *option.secondary_opts)
    }
    for path, command in commands()
}
ROOMS = ("core", "lambdas", "training", "casebook", "fine_tune_slm")
SOURCES = [
    file
    for room in ROOMS
    for file in sorted((ROOT / room).rglob("*.py"))
    if f"{NAME} " in file.read_text(encoding="utf-8")
]


def _below(error: type[FineTuneSlmError]) -> Iterator[type[FineTuneSlmError]]:
    for below in error.__subclasses__():
        yield below
        yield from _below(below)


ERRORS = [error for error in _below(FineTuneSlmError) if "--" in error.remedy]
UNKNOWN = "VALUE"
NOT_COPIED = {".git", ".venv", ".local", ".aws-sam"}
OF_A_SHELL = {"--help", "--install-completion", "--show-completion"}
SERVER = """
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which a block may write beside what is there."""
    for entry in ROOT.iterdir():
        if entry.name not in NOT_COPIED:
            (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


@pytest.mark.parametrize("block", CHEAP, ids=str)
def test_a_block_that_is_marked_as_runnable_runs(block: Block, checkout: Path) -> None:
    own = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    own["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'core'}"

    Terminal(checkout, own).type(block.commands, timeout_seconds=300)


def test_there_are_blocks_of_both_kinds() -> None:
    assert len(CHEAP) >= 3
    assert {block.page for block in MARKED if block.mark.startswith("newcomer")} == {newcomer.QUICKSTART}


def test_every_fenced_block_after_a_mark_is_found() -> None:
    marks = sum(len(re.findall(r"^<!-- run\b", page.read_text(encoding="utf-8"), re.MULTILINE)) for page in PAGES)

    assert marks == len(MARKED)


def named_commands(text: str) -> list[list[str]]:
    """Return the words of each command line of ours in a page's code."""
    found = re.findall(rf"(?:`|^(?: {{4}})?(?:\$ )?(?:\.venv/bin/)?){NAME} ([^`\n#|>]+)", text, flags=re.MULTILINE)
    return [line.split() for line in found]


def problem(words: list[str]) -> str | None:
    """Return what is wrong with a command line: its verb, or an option."""
    verb = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in OPTIONS), None)
    if verb is None:
        is_group = any(name.startswith(f"{words[0]} ") for name in OPTIONS)
        return None if is_group or words[0].startswith(("-", "VERB")) else f"{words[0]}: no such command"
    options = {word.split("=")[0] for word in words if re.match(r"--[a-z]", word)} - OF_A_SHELL
    unknown = options - OPTIONS[verb]
    return f"{verb}: no such option {sorted(unknown)}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    lines = named_commands(page.read_text(encoding="utf-8"))

    assert [said for words in lines if (said := problem(words))] == []


def told_commands(text: str) -> list[list[str]]:
    """Return the words of each command line of ours in a sentence: it ends where the sentence or its part does."""
    lines = re.findall(rf"(?<![\w/]){NAME} ((?:[^\s`;,:()]+[ \n]?)+)", text)
    return [[word.rstrip(".\"'") for word in line.split()] for line in lines]


def literals(file: Path) -> Iterator[str]:
    """Yield the texts in a file of code; a value in an f-string is one word."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else f" {UNKNOWN} " for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_that_the_code_tells_exists(file: Path) -> None:
    lines = [words for text in literals(file) for words in told_commands(text)]

    assert [said for words in lines if words[0] != UNKNOWN and (said := problem(words))] == []


def test_every_command_that_a_stack_tells_exists() -> None:
    lines = [words for output in load_template()["Outputs"].values() for words in told_commands(str(output["Value"]))]

    assert {words[0] for words in lines} >= {"params", "dataset"}
    assert [said for words in lines if (said := problem(words))] == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_a_remedy_names_only_options_that_a_command_has(error: type[FineTuneSlmError]) -> None:
    of_ours = re.sub(r"aws [^,;]*", "", error.remedy)
    named = {word.split("=")[0].rstrip(".") for word in re.findall(r"--[a-z][\w-]*", of_ours)}

    assert named - OF_A_SHELL <= {option for options in OPTIONS.values() for option in options}


def test_what_can_be_done_with_a_run_that_goes_on_can_be_typed() -> None:
    lines = told_commands(next_commands("RUN", Whereabouts(stage="prod", region="us-east-1")))

    assert [words[0] for words in lines] == ["status", "logs", "stop"]
    assert [said for words in lines if (said := problem(words))] == []


def test_a_command_that_a_sentence_tells_ends_with_its_part() -> None:
    text = f"Look with: {NAME} runs --stage STAGE; begin with {NAME} start, or {NAME} dance RUN --fast."

    assert told_commands(text) == [["runs", "--stage", "STAGE"], ["start"], ["dance", "RUN", "--fast"]]


def test_a_command_or_an_option_that_does_not_exist_is_found() -> None:
    lines = named_commands(
        "`fine-tune-slm rehearse --fast`\n    fine-tune-slm dance RUN\n    fine-tune-slm runs --json\n"
    )

    assert [problem(words) for words in lines] == [
        "rehearse: no such option ['--fast']",
        "dance: no such command",
        None,
    ]


def test_a_block_begins_where_the_one_before_ended(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.type('mkdir deep\ncd deep\nexport PATH="$PWD/bin:$PATH"\n')
    terminal.type('pwd > here\necho "$PATH" > path\n')

    assert (tmp_path / "deep" / "here").read_text().strip().endswith("/deep")
    assert (tmp_path / "deep" / "path").read_text().startswith(f"{tmp_path}/deep/bin:")


@pytest.mark.parametrize("commands", ["false\ntrue\n", "false | true\n", 'echo "$NOT_SET"\n'])
def test_the_first_command_that_fails_ends_a_block(commands: str, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        Terminal(tmp_path).type(commands)


def test_a_server_is_asked_and_then_ended_by_ctrl_c(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")

    Terminal(tmp_path).type_until_ctrl_c(f"{sys.executable} server.py\n")

    assert "listening on http://127.0.0.1:" in capfd.readouterr().out


def test_a_server_that_names_no_address_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ChildProcessError, match="no page seen"):
        Terminal(tmp_path).type_until_ctrl_c("echo 'nothing to see'\n")


def test_the_newcomer_follows_the_page_in_a_directory_of_its_own(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\n<!-- run: newcomer -->\n```bash\nmkdir fine-tune-slm\ncd fine-tune-slm\n```\n\n"
        '<!-- run: newcomer -->\n```bash\necho "$REPOSITORY" > seen\n```\n\n```bash\nexit 9\n```\n',
        encoding="utf-8",
    )

    newcomer.follow(page, tmp_path)

    assert (tmp_path / "fine-tune-slm" / "seen").read_text().strip() == str(ROOT)


@pytest.mark.parametrize(
    ("record", "has_report"),
    [
        ({"cancer_type": "melanoma"}, True),
        ({}, True),
        (dict.fromkeys("abcdefg"), True),
        (dict.fromkeys("abcdefg", "x"), False),
    ],
)
def test_the_newcomer_sees_which_promise_was_not_kept(record: dict, has_report: bool, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps(record), encoding="utf-8")
    run = tmp_path / ".local" / "runs" / "one"
    run.mkdir(parents=True)
    if has_report:
        (run / "report.html").touch()

    with pytest.raises(ValueError, match=r"fields|report"):
        newcomer.look(tmp_path)
