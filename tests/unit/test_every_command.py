"""Every command of the tree on a good and on a bad input, with its exit code; a command without its rows fails here."""

from __future__ import annotations

import ast
import json
import string
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fine_tune_slm import cli
from scripts.cli_page import NAME, commands
from tests.made_up_runs import PROJECT, MadeUpRun, keep
from tests.unit.emulated_stack import PARAMETER_ROOT, STAGE, WAITS, EmulatedStack, stack

__all__ = ["stack"]

COMMANDS = {path.removeprefix(f"{NAME} "): command for path, command in commands()}
OK, FAILED, MISTAKE, TRY_AGAIN = 0, 1, 2, 75
SIZES = "--seed 7 --train 5 --validation 2 --challenge 2"
NOWHERE = "--endpoint-url http://127.0.0.1:1 --region us-east-1"


@dataclass(frozen=True)
class Row:
    """A command line, how it ends, and what it must say: on stdout when it is right, otherwise the remedy."""

    command: str
    arguments: str
    exit_code: int
    told: str

    def __str__(self) -> str:
        return f"{self.command}-{self.exit_code}"

    @property
    def wants_stack(self) -> bool:
        """Return whether the row asks an account."""
        return any(name in self.arguments for name in ("$stage", "$settings", "$region"))


ROWS = [
    Row("rehearse", "--input {", MISTAKE, "Add --help to the command"),
    Row("extract", "$notes/absent.txt --run run-a --root $root", MISTAKE, "Give a UTF-8 text file"),
    Row("serve", "--port 65536", MISTAKE, "fine-tune-slm serve -h"),
    Row("runs", "--root $root --state succeeded", OK, "run-a"),
    Row("runs", "--since yesterday", MISTAKE, "fine-tune-slm runs -h"),
    Row("status", "run-a --root $root", OK, "SUCCEEDED in"),
    Row("status", "run-x --root $root", MISTAKE, "fine-tune-slm runs"),
    Row("logs", "run-a --root $root", OK, "step 1"),
    Row("logs", "run-a --root $root --step PublishModel", FAILED, "fine-tune-slm status RUN"),
    Row("logs", "run-x --root $root", MISTAKE, "fine-tune-slm runs"),
    Row("start", "$stage --dry-run", OK, "Nothing was started."),
    Row("start", "", MISTAKE, "fine-tune-slm rehearse"),
    Row("start", "$stage --yes", TRY_AGAIN, "fine-tune-slm stop RUN"),
    Row("stop", "run-ended $stage", OK, "SUCCEEDED"),
    Row("stop", "run-x --root $root", MISTAKE, "fine-tune-slm runs"),
    Row("resume", "run-failed --root $root --dry-run", OK, '"resume_from": "run-failed"'),
    Row("resume", "run-x --root $root", MISTAKE, "fine-tune-slm runs"),
    Row("resume", "run-now $stage --yes", TRY_AGAIN, "fine-tune-slm stop RUN"),
    Row("compare", "run-a run-b --root $root", OK, "run-b"),
    Row("compare", "run-a run-x --root $root", MISTAKE, "fine-tune-slm runs"),
    Row("plan", "--gpu L4", OK, "l4"),
    Row("plan", "--gpu abacus", MISTAKE, "l4, a10g"),
    Row("report", "run-a --root $root --output $out/page.html", OK, "page.html"),
    Row("report", "run-ended $stage --root $out --output $out/page.html", OK, "page.html"),
    Row("report", "run-cut-off --root $root", FAILED, "fine-tune-slm logs RUN"),
    Row("report", "run-x --root $root", MISTAKE, "fine-tune-slm runs"),
    Row("score", "--gold $notes/train.jsonl --predictions $notes/train.jsonl", OK, "1.00"),
    Row("score", "--gold $notes/train.jsonl --predictions $notes/absent.jsonl", MISTAKE, "fine-tune-slm score --help"),
    Row("rollback", "--repo nonsense", MISTAKE, "fine-tune-slm rollback -h"),
    Row("doctor", "--local --before-deploy", MISTAKE, "fine-tune-slm doctor -h"),
    Row("delete", "--yes $stage --stack-name nowhere", MISTAKE, "--stack-name"),
    Row("delete", "$stage --yes", TRY_AGAIN, "fine-tune-slm stop RUN"),
    Row("dataset generate", f"{SIZES} --output $out/new", OK, "train.jsonl 5 records"),
    Row("dataset generate", f"{SIZES} --output $root/runs", MISTAKE, "--output"),
    Row("dataset check", "$notes", OK, "No problem found."),
    Row("dataset check", "$out/absent", MISTAKE, "fine-tune-slm dataset check DIR"),
    Row("dataset gates", "--dataset $out", MISTAKE, "dataset"),
    Row("dataset sample", "--count 1 --seed 3", OK, "cancer_type"),
    Row("dataset sample", "--genre sonnet", MISTAKE, "There are: "),
    Row("dataset publish", "$notes $settings", OK, "the next run uses it"),
    Row("dataset publish", "$out $settings", MISTAKE, "dataset"),
    Row("params init", "--dry-run $settings", OK, "hub/publish_repo: exists"),
    Row("params init", "--set nonsense $settings", MISTAKE, "Add --help to the command"),
    Row("params list", "$settings", OK, "hub/publish_repo"),
    Row("params list", "--parameter-root no-slash", MISTAKE, "Add --help to the command"),
    Row("params check", "$settings --stack-name nowhere", MISTAKE, "--stack-name"),
    Row("params set", "hub.publish_repo group/Llama-x $settings", OK, "-> group/Llama-x"),
    Row("params set", "hub.nonsense x $settings", MISTAKE, "these can be set: "),
    Row("params stages", "$region", OK, "an-emulated-bucket"),
    Row("params stages", "--endpoint-url nonsense", MISTAKE, "Add --help to the command"),
]
# what takes a model, a whole emulated account or a stand-in is seen to succeed there
SUCCEEDS_IN = {
    "rehearse": "tests/unit/fine_tune_slm/test_cli.py::test_rehearse_ends_as_its_run_did",
    "extract": (
        "tests/unit/fine_tune_slm/test_extract.py"
        "::test_the_command_prints_the_record_of_a_note_and_ends_as_the_extraction_did"
    ),
    "serve": "tests/browser/test_serve.py::test_a_note_is_pasted_and_its_evidence_is_seen",
    "rollback": "tests/rehearsal/test_rollback.py::test_the_command_rolls_back_the_hub_of_a_kept_rehearsal",
    "doctor": (
        "tests/unit/fine_tune_slm/doctor/test_command.py::test_every_check_is_a_line_and_a_warning_alone_exits_with_0"
    ),
    "delete": (
        "tests/rehearsal/test_delete.py::test_a_deleted_stage_leaves_bucket_and_volume_and_touches_no_other_stage"
    ),
    "dataset gates": (
        "tests/unit/fine_tune_slm/test_cli_dataset.py::test_gates_judges_the_files_and_exits_1_when_one_fails"
    ),
    "params check": (
        "tests/unit/fine_tune_slm/test_parameter_check.py::test_the_command_checks_against_the_stacks_own_outputs"
    ),
}
# doctor reports what it could not ask as failed checks, and goes on
ASKS_AWS = [
    name
    for name, command in COMMANDS.items()
    if name != "doctor" and any("--endpoint-url" in option.opts for option in command.params)
]
NEEDS = {
    "extract": "$notes/train.jsonl",
    "stop": "run-a",
    "resume": "run-a",
    "delete": "--stage prod",
    "compare": "run-a run-b",
    "dataset publish": "$notes",
    "params set": "hub.publish_repo group/Llama-x",
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Kept runs and a dataset, by the names that rows use."""
    base = tmp_path_factory.mktemp("desk")
    root = base / "local"
    for number, run_id in enumerate(("run-a", "run-b")):
        kept = keep(root, MadeUpRun(run_id, notes=8, day=number))
        (kept.directory / "logs").mkdir()
        (kept.directory / "logs" / "training.log").write_text("step 1\n", encoding="utf-8")
    keep(root, MadeUpRun("run-failed", day=2, status="failed"))
    (root / "runs" / "run-cut-off").mkdir()
    notes = base / "notes"
    assert run(["dataset", "generate", *SIZES.split(), "--output", str(notes)]) == OK
    settings = f"--region us-east-1 --parameter-root {PARAMETER_ROOT}"
    return {
        "root": str(root),
        "notes": str(notes),
        "stage": f"--region us-east-1 --stage {STAGE}",
        "region": "--region us-east-1",
        "settings": settings,
    }


def run(words: list[str]) -> int:
    """Return the exit code of a command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [NAME, *words])
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


@pytest.fixture
def words_of(places: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest):
    """A function that returns a row's words once what it asks for is there."""

    def words(row: Row) -> list[str]:
        if row.wants_stack:
            _prepare(request.getfixturevalue("stack"), row)
        known = places | {"out": str(tmp_path)}
        return [*row.command.split(), *string.Template(row.arguments).substitute(known).split()]

    return words


def _prepare(account: EmulatedStack, row: Row) -> None:
    account.put_settings()
    if row.exit_code == TRY_AGAIN:
        account.start("run-now", WAITS)
    elif "run-ended" in row.arguments:
        account.start("run-ended")


def test_every_command_has_a_row_for_what_is_right_and_one_for_a_mistake():
    rows = {(row.command, row.exit_code) for row in ROWS} | {(name, OK) for name in SUCCEEDS_IN}
    assert {name for name, code in rows if code == OK} == set(COMMANDS)
    assert {name for name, code in rows if code == MISTAKE} == set(COMMANDS)
    assert not {name for name, _ in rows} - set(COMMANDS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_command_ends_with_its_exit_code_and_an_error_names_its_remedy(row, words_of, capfd):
    words = words_of(row)
    capfd.readouterr()
    assert run(words) == row.exit_code
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert row.told in _unwrapped(shown.out if row.exit_code == OK else shown.err)


def _unwrapped(text: str) -> str:
    """Return a message without the frame and the line breaks of a terminal."""
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("row", [row for row in ROWS if row.exit_code == OK], ids=str)
def test_the_same_with_json_is_a_document_and_nothing_else(row, words_of, capfd):
    words = words_of(row)
    capfd.readouterr()
    assert run([*words, "--json"]) == OK
    lines = capfd.readouterr().out.splitlines() if row.command == "logs" else [capfd.readouterr().out]
    assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize("name", ASKS_AWS)
def test_a_silent_aws_is_told_and_worth_another_try(name, places, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    needed = string.Template(NEEDS.get(name, "")).substitute(places)
    assert run([*name.split(), *needed.split(), *NOWHERE.split()]) == TRY_AGAIN
    told = capfd.readouterr().err
    assert "AWS did not answer" in told
    assert "Check the network, --region and --endpoint-url, and try again." in told


@pytest.mark.parametrize("name", SUCCEEDS_IN)
def test_what_is_seen_to_succeed_elsewhere_has_its_test_there(name):
    file, _, function = SUCCEEDS_IN[name].partition("::")
    source = (PROJECT / file).read_text(encoding="utf-8")
    defined = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    assert function in defined
    assert name.split()[-1] in source
