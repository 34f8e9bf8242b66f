"""`fine-tune-slm rehearse` from an empty emulated account to a released adapter, on a tiny random Llama."""

from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from slm_core.records import Manifest

from fine_tune_slm.closing import RunResult, show_result
from fine_tune_slm.errors import RollbackRefusedError
from fine_tune_slm.kept_runs import KeptRuns, verify_archive
from fine_tune_slm.rehearsal import rehearse
from fine_tune_slm.rollback import plan_rollback, published_by_rehearsal, roll_back
from tests.rehearsal.conftest import PROJECT
from tests.workflow_paths import HAPPY_PATH

TOKEN = re.compile(rb"hf_[\w-]{20,}")


@pytest.fixture(scope="module")
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def result(request_of, said) -> RunResult:
    """One whole rehearsal, asked about by every test of this module."""
    request = request_of(run_name="whole", execution_input='{"Comment": "what the console prefills"}')
    return rehearse(request, Console(file=said, width=160))


def test_the_run_succeeds_through_every_state(result):
    assert result.timeline.status == "SUCCEEDED", result.card
    assert [total.name for total in result.timeline.totals()] == HAPPY_PATH
    assert result.record.status == "succeeded"


def test_the_instance_is_stopped_and_its_time_is_accounted_for(result):
    assert result.record.instance.state == "stopped"
    assert result.record.billed_seconds >= 60  # AWS bills a minute at least
    assert result.record.cost_usd > 0


def test_storage_and_every_request_are_in_the_record_beside_the_instance(result):
    costs = {item.kind: item for item in result.record.costs}
    assert costs["storage"].detail == "200 GiB of gp3"
    # every state and every retry, but for the last state, which the record is written before
    entered = sum(max(total.visits, total.attempts) for total in result.timeline.totals()) - 1
    assert costs["state transitions"].amount == entered
    assert result.record.cost_usd == round(sum(item.usd for item in costs.values()), 4)


def test_the_host_runs_the_guard_that_came_with_the_command(result, local_root):
    guard = PROJECT / "host" / "guard.py"
    assert (local_root / "volume" / "sbin" / "fine-tune-slm-guard").read_bytes() == guard.read_bytes()


def test_the_archive_matches_its_manifest_byte_for_byte_and_holds_nothing_else(result):
    manifest = verify_archive(result.archive)
    present = {path.relative_to(result.archive).as_posix() for path in result.archive.rglob("*") if path.is_file()}
    assert present == {file.path for file in manifest.files} | {"manifest.json"}
    for file in manifest.files:
        content = (result.archive / file.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size_bytes, file.sha256)


def test_the_hub_has_the_same_files_as_the_archive(result):
    hub = result.run.directory / "hub"
    commit = json.loads((hub / result.record.hub_repo / "commits" / f"{result.record.hub_revision}.json").read_text())
    published = {file["path"]: file["sha256"] for file in commit["files"]}
    manifest = Manifest.model_validate_json((result.archive / "manifest.json").read_bytes())
    assert {file.path: file.sha256 for file in manifest.files}.items() <= published.items()


def test_the_release_is_noted_for_the_next_gate_and_the_first_one_cannot_be_rolled_back(result):
    with published_by_rehearsal(result.run, None) as published:
        current = published.pointer.read().current
        assert (current.run_id, current.revision) == (result.run.run_id, result.record.hub_revision)
        assert current.macro_f1 == result.record.metrics.after.macro_f1
        with pytest.raises(RollbackRefusedError, match=r"no release of .* before run"):
            plan_rollback(published, None)
        same = plan_rollback(published, result.run.run_id)
        assert roll_back(published, same) == result.record.hub_revision


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft's own call
def test_the_published_adapter_loads_from_the_hub_with_equal_tensors(result, tiny_model, tmp_path, monkeypatch):
    import torch
    from huggingface_hub import snapshot_download
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    from fine_tune_slm.localcloud.hub.server import LocalHub

    hub = LocalHub(result.run.directory / "hub")
    try:
        token = hub.create_token("read")
        fetched = Path(
            snapshot_download(
                result.record.hub_repo,
                revision=result.record.hub_revision,
                endpoint=hub.endpoint,
                token=token,
                cache_dir=tmp_path,
            )
        )
    finally:
        hub.close()
    published = load_file(fetched / "adapter_model.safetensors")
    archived = load_file(result.archive / "adapter_model.safetensors")
    assert published.keys() == archived.keys()
    assert all(torch.equal(published[name], archived[name]) for name in archived)
    assert any(bool(tensor.any()) for name, tensor in archived.items() if "lora_B" in name), "nothing was trained"
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), fetched)
    assert model.peft_config["default"].r == 2


def test_everything_of_the_run_is_kept_and_latest_points_to_it(result, local_root):
    assert KeptRuns(local_root).find_model("latest").run_id == result.run.run_id
    assert result.run.read_record() == result.record
    assert result.run.read_timeline().status == "SUCCEEDED"
    assert list((result.run.directory / "logs").rglob("*.log"))


def test_the_report_tells_the_verdict_and_what_the_adapter_was_made_of(result):
    page = result.run.report.read_text(encoding="utf-8")
    assert "SUCCEEDED in" in page
    assert "Training loss by step: first" in page
    assert "Examples" in page
    manifest = Manifest.model_validate_json((result.archive / "manifest.json").read_bytes())
    assert manifest.provenance.dataset_sha256 in page


def test_no_token_is_kept_and_no_note_outside_the_dataset_and_the_examples_of_mistakes(result):
    told = set()
    for path in result.run.directory.rglob("*"):
        relative = path.relative_to(result.run.directory).as_posix()
        if path.is_file() and "/datasets/" not in relative and not relative.startswith("hub/blobs"):
            content = path.read_bytes()
            assert not TOKEN.search(content), relative
            told |= {path.name} if b"Synthetic note" in content else set()
    assert told == {"examples.json", "report.html"}


def test_the_live_view_told_each_state_without_a_terminal(result, said):
    lines = said.getvalue().splitlines()
    for state in HAPPY_PATH:
        assert any(state in line for line in lines), state
    # how much of so short a training is seen depends on the machine; the unit tests hold what its line tells
    assert any(phase in line for line in lines for phase in ("fetching model", "evaluating", "step ", "packaging"))
    assert len(lines) < 90


def test_the_summary_names_what_to_try_next(result):
    out = io.StringIO()
    show_result(result, Console(file=out, width=160))
    assert "fine-tune-slm extract --run " in out.getvalue()
    assert result.record.hub_repo in out.getvalue()


def test_the_adapter_answers_a_note_with_one_record(result, tiny_model):
    from fine_tune_slm.extract import Extractor

    answer = Extractor(result.run, tiny_model, Path(__file__).parents[2]).answer(
        "Synthetic note: stage II breast cancer."
    )
    assert len(json.loads(answer)) == 7


@pytest.fixture(scope="module")
def resumed(result, request_of) -> RunResult:
    """A second run, which resumes the first one's training under a gate that it cannot pass."""
    execution_input = json.dumps({"resume_from": result.run.run_id, "training": {"epochs": 2}})
    request = request_of(run_name="resumed", execution_input=execution_input, config_file="training_config.strict.yml")
    return rehearse(request, Console(file=io.StringIO()))


def test_another_run_goes_on_from_the_checkpoints_of_this_one(result, resumed):
    steps = result.record.metrics.training.steps
    assert resumed.record.metrics.training.resumed_from_step == steps
    assert resumed.record.metrics.training.steps == 2 * steps


def test_a_model_that_misses_the_gate_is_kept_and_not_published(resumed):
    assert (resumed.timeline.status, resumed.card.error) == ("FAILED", "ModelRejectedError")
    assert resumed.record.status == "rejected"
    table = resumed.card.cause.splitlines()
    assert table[1].startswith("MISSED macro-F1 ")
    assert [line.split()[0] for line in table[2:-1]] == ["met"] * (len(table) - 3)
    assert resumed.record.failure.cause == resumed.card.cause
    assert resumed.record.hub_repo is None
    assert not (resumed.run.directory / "hub" / "local").exists()
    assert verify_archive(resumed.archive).run_id == resumed.run.run_id
    assert resumed.card.instance_state == "stopped"
