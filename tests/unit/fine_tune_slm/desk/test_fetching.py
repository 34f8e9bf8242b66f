"""`report`, `extract` and `serve` with a run of a stack: fetched from the bucket, then as with a kept run."""

from __future__ import annotations

import json

import pytest
from slm_core.layout import RunKeys, release_key
from slm_core.records import Release, ReleaseHistory

from fine_tune_slm.errors import ModelMissingError
from fine_tune_slm.local_model import base_model_directory
from tests.made_up_runs import REPO, VALIDATION_SHA256, MadeUpRun, keep
from tests.unit.emulated_stack import FAILS, STAGE, WAITS

EXTRACTOR = """
import json, pathlib, sys
named = dict(zip(sys.argv[2::2], sys.argv[3::2]))
adapter = pathlib.Path(named["--adapter"], "adapter_model.safetensors").read_text()
print(json.dumps({"adapter": adapter, "model": pathlib.Path(named["--model"]).name}))
"""


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """The directory in which the user is."""
    place = tmp_path / "workplace"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def archive_in_stack(stack, tmp_path):
    """A function that puts all objects of a made-up run into the stack's bucket, where it is an execution too."""

    def put(run: MadeUpRun, run_name: str = "ends") -> None:
        objects = keep(tmp_path / "elsewhere", run).directory / "s3" / "bucket"
        for path in objects.rglob("*"):
            if path.is_file():
                stack.put(str(path.relative_to(objects)), path.read_bytes())
        stack.start(run.run_id, run_name)

    return put


def fetched(workplace, stack):
    return workplace / ".local" / "stacks" / stack.bucket / "runs"


def test_a_run_of_a_stack_has_a_report_with_the_commands_that_find_it(archive_in_stack, workplace, run_cli, capsys):
    archive_in_stack(MadeUpRun(run_id="run-1"))
    assert run_cli("report", "run-1", "--stage", STAGE) == 0
    assert capsys.readouterr().out == "run-1-report.html\n"
    page = (workplace / "run-1-report.html").read_text(encoding="utf-8")
    assert "SUCCEEDED in" in page
    assert "Training loss by step: first" in page
    assert "CompleteRun" in page
    assert f"fine-tune-slm extract --run run-1 --stage {STAGE} NOTE.txt" in page
    assert "at list price" in page
    assert "emulated" not in page.lower()


def test_the_newest_that_has_ended_is_meant_by_latest_and_the_report_goes_where_it_is_wanted(
    archive_in_stack, stack, workplace, run_cli, capsys
):
    archive_in_stack(MadeUpRun(run_id="run-1"))
    stack.start("run-now", WAITS)
    assert run_cli("report", "latest", "--stage", STAGE, "--output", "page.html", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"run_id": "run-1", "report": "page.html"}
    assert (workplace / "page.html").is_file()


def test_a_run_that_failed_before_it_wrote_anything_has_a_report_from_its_history(stack, workplace, run_cli):
    stack.start("run-2", FAILS)
    assert run_cli("report", "--stage", STAGE) == 0
    page = (workplace / "run-2-report.html").read_text(encoding="utf-8")
    assert "TrainingDivergedError" in page
    assert f"fine-tune-slm start --stage {STAGE}" in page


def test_the_release_before_is_fetched_for_the_comparison(archive_in_stack, stack, workplace, run_cli):
    archive_in_stack(MadeUpRun(run_id="before", skill=0.4))
    archive_in_stack(MadeUpRun(run_id="after", skill=0.9))
    releases = [
        Release(
            run_id=run_id, revision="b" * 40, macro_f1=0.5, samples=32, validation_sha256=VALIDATION_SHA256,
            published_at="2029-12-31T00:00:00Z",
        )
        for run_id in ("before", "after")
    ]  # fmt: skip
    stack.put(release_key(REPO), ReleaseHistory(repo_id=REPO, releases=tuple(releases)))
    assert run_cli("report", "after", "--stage", STAGE) == 0
    assert "previous release" in (workplace / "after-report.html").read_text(encoding="utf-8")


def test_an_archive_is_fetched_once_and_again_when_the_copy_was_changed(
    archive_in_stack, stack, workplace, run_cli, capsys
):
    archive_in_stack(MadeUpRun(run_id="run-1"))
    notices = []
    adapter = (
        fetched(workplace, stack) / "run-1" / "s3" / stack.bucket / "models" / "run-1" / "adapter_model.safetensors"
    )
    for _ in range(3):
        assert run_cli("report", "run-1", "--stage", STAGE) == 0
        notices.append("Fetching the archive of run run-1" in capsys.readouterr().err)
        if len(notices) == 2:
            adapter.write_bytes(b"changed")
    assert notices == [True, False, True]
    assert adapter.read_bytes() == b"weights"


def test_an_archive_that_does_not_match_its_manifest_is_not_kept(archive_in_stack, stack, workplace, run_cli, capsys):
    archive_in_stack(MadeUpRun(run_id="run-1"))
    stack.put(f"{RunKeys('run-1').archive}adapter_model.safetensors", b"tampered")
    assert run_cli("report", "run-1", "--stage", STAGE) == 1
    assert "adapter_model.safetensors" in capsys.readouterr().err
    assert not list(fetched(workplace, stack).rglob("*.safetensors"))


@pytest.mark.usefixtures("workplace")
def test_what_has_no_report_says_why(stack, run_cli, capsys):
    stack.start("run-now", WAITS)
    assert run_cli("report", "run-now", "--stage", STAGE) == 1
    assert "has not ended" in capsys.readouterr().err
    assert run_cli("report", "absent", "--stage", STAGE) == 2
    assert "no such run" in capsys.readouterr().err


@pytest.fixture
def checkout(workplace):
    """A checkout whose training package only tells what it was given."""
    files = {"template.yaml": "", "config/aws_config.yml": "", "note.txt": "II"}
    files |= {"training/__init__.py": "", "training/__main__.py": EXTRACTOR}
    for name, content in files.items():
        (workplace / name).parent.mkdir(exist_ok=True)
        (workplace / name).write_text(content, encoding="utf-8")
    return workplace


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """Where models from the Hub are on this machine; there are none yet."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_note_is_read_with_the_adapter_of_a_stacks_archive(archive_in_stack, checkout, run_cli, capfd):
    archive_in_stack(MadeUpRun(run_id="run-1"))
    (checkout / "model-dir").mkdir()
    assert run_cli("extract", "--run", "run-1", "--stage", STAGE, "--model", "model-dir", "note.txt") == 0
    assert json.loads(capfd.readouterr().out) == {"adapter": "weights", "model": "model-dir"}


def test_the_runs_own_base_model_is_looked_for_on_this_machine(tmp_path, hub_cache):
    run = keep(tmp_path, MadeUpRun(run_id="run-1"))
    told = rf"tuned from HuggingFaceTB/SmolLM2-135M-Instruct at {'e' * 40}.*Name its directory with --model"
    with pytest.raises(ModelMissingError, match=told):
        base_model_directory(run, tmp_path)
    cached = hub_cache / "models--HuggingFaceTB--SmolLM2-135M-Instruct" / "snapshots" / ("e" * 40)
    cached.mkdir(parents=True)
    (cached / "config.json").touch()
    assert base_model_directory(run, tmp_path) == cached
    (tmp_path / "models" / "SmolLM2-135M-Instruct").mkdir(parents=True)
    assert base_model_directory(run, tmp_path) == tmp_path / "models" / "SmolLM2-135M-Instruct"


@pytest.mark.usefixtures("checkout", "hub_cache")
@pytest.mark.parametrize("verb", ["extract note.txt", "serve --port 0"])
def test_without_a_base_model_nothing_is_read_with_a_stacks_adapter(verb, archive_in_stack, run_cli, capfd):
    archive_in_stack(MadeUpRun(run_id="run-1"))
    assert run_cli(*verb.split(), "--stage", STAGE) == 2
    assert "Name its directory with --model" in capfd.readouterr().err


@pytest.mark.usefixtures("checkout")
def test_a_run_of_a_stack_without_an_archive_reads_no_note(stack, run_cli, capfd):
    stack.start("run-2", FAILS)
    assert run_cli("extract", "--run", "run-2", "--stage", STAGE, "--model", ".", "note.txt") == 2
    assert "Run run-2 made no archive" in capfd.readouterr().err
