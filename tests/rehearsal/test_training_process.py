"""`python -m training train` as the container runs it, on a tiny random Llama: whole, killed, stopped, refused.

S3 is moto's server on loopback; the base model lies in the volume's cache, as after a first download.
"""

from __future__ import annotations

import hashlib
import json
import signal

import pytest
from slm_core.layout import RunKeys
from slm_core.records import Manifest, Metrics, Progress

from extraction.comparison import compare_counts
from extraction.examples import Examples
from extraction.outcomes import NoteOutcomes, statistics, summed
from tests.rehearsal.conftest import write_dataset
from tests.rehearsal.training_world import BUCKET, PATIENCE_SECONDS, REVISION, STEPS, publish, wait_for
from training.checkpoints import newest_complete


@pytest.fixture(scope="module")
def uninterrupted(world):
    """The artifacts of a run that nothing disturbed."""
    code, log = world.run("uninterrupted")
    assert code == 0, log
    return world.staged("uninterrupted"), log


def test_a_whole_run_stages_exactly_what_its_manifest_names(world, uninterrupted):
    staged, _ = uninterrupted
    manifest = Manifest.model_validate_json(staged.pop("manifest.json"))
    assert {file.path: file.sha256 for file in manifest.files} == {
        name: hashlib.sha256(content).hexdigest() for name, content in staged.items()
    }
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "metrics.json"} <= staged.keys()
    assert {"README.md", "NOTICE", "loss.png", "f1.png", "history.jsonl"} <= staged.keys()
    assert "tensorboard/events.out.tfevents.0001" in staged
    assert manifest.provenance.base_model_files.keys() >= {"model.safetensors", "config.json"}
    assert world.outcome("uninterrupted").status == "succeeded"


def test_the_adapter_names_its_base_model_on_the_hub_and_not_a_path(uninterrupted):
    config = json.loads(uninterrupted[0]["adapter_config.json"])
    assert (config["base_model_name_or_path"], config["revision"]) == ("tiny/llama", REVISION)


def test_the_metrics_tell_both_evaluations_and_every_step(uninterrupted):
    staged, _ = uninterrupted
    metrics = Metrics.model_validate_json(staged["metrics.json"])
    steps = [json.loads(line)["step"] for line in staged["history.jsonl"].decode().splitlines()]
    assert steps == list(range(1, STEPS + 1))
    assert metrics.before is not None
    assert metrics.training.samples_seen == 4 * STEPS
    assert metrics.training.held_out_loss_after < metrics.training.held_out_loss_before
    assert f"{metrics.after.macro_f1:.3f}" in staged["README.md"].decode()


def test_no_note_and_no_secret_place_leaves_in_an_artifact_or_the_log(world, uninterrupted, tiny_dataset):
    staged, log = uninterrupted
    notes = notes_of(tiny_dataset / "train.jsonl") + notes_of(tiny_dataset / "validation.jsonl")
    texts = [log, *(content.decode("utf-8", "replace") for content in staged.values())]
    for text in texts:
        assert not any(note in text for note in notes)
        assert str(world.volume.root) not in text


def notes_of(path):
    return [json.loads(line)["input"] for line in path.read_text().splitlines()]


def test_every_note_is_counted_before_and_after_and_the_gain_is_that_of_the_counts(uninterrupted):
    staged, _ = uninterrupted
    outcomes = NoteOutcomes.model_validate_json(staged["outcomes.json"])
    metrics = Metrics.model_validate_json(staged["metrics.json"])
    assert len(outcomes.before) == len(outcomes.after) == metrics.after.samples == 2
    assert statistics(summed(outcomes.after))[0] == metrics.after.macro_f1
    assert compare_counts(outcomes.after, outcomes.before).macro_f1.difference == metrics.gain.macro_f1.difference
    assert sum(mistake.total for mistake in metrics.after.mistakes) > 0


def test_examples_of_mistakes_are_kept_only_where_the_notes_are_synthetic(world, uninterrupted, tiny_dataset):
    assert "examples.json" not in uninterrupted[0]
    code, log = world.run("synthetic", dataset_is_synthetic=True)
    assert code == 0, log
    examples = Examples.model_validate_json(world.staged("synthetic")["examples.json"]).examples
    assert examples
    assert {example.note for example in examples} <= set(notes_of(tiny_dataset / "validation.jsonl"))


def test_the_last_heartbeat_says_done(world, uninterrupted):
    body = world.s3.get_object(Bucket=BUCKET, Key=RunKeys("uninterrupted").progress)["Body"].read()
    progress = Progress.model_validate_json(body)
    assert (progress.phase, progress.checkpoint_step) == ("done", STEPS)
    # the file has a header and names beside the weights
    assert 0.5 < progress.adapter_size_bytes / len(uninterrupted[0]["adapter_model.safetensors"]) < 1


def test_a_killed_and_resumed_run_gives_the_adapter_of_the_uninterrupted_one_bit_for_bit(
    world, uninterrupted, tmp_path
):
    process = world.start("killed")
    wait_for(world.volume.checkpoints("killed") / "step-2", process)
    process.kill()
    process.communicate()
    assert not world.volume.outcome("killed").exists()
    code, log = world.run("killed")
    assert code == 0, log
    staged = world.staged("killed")
    assert 2 <= Metrics.model_validate_json(staged["metrics.json"]).training.resumed_from_step < STEPS
    assert staged["adapter_model.safetensors"] == uninterrupted[0]["adapter_model.safetensors"]
    assert "the untuned model's result is in the cache" in log
    boards = {name: content for name, content in staged.items() if name.startswith("tensorboard/")}
    assert len(boards) == 2
    assert losses_shown(tmp_path, boards) == pytest.approx([row["loss"] for row in history_of(staged)], rel=1e-6)


def history_of(staged):
    return [json.loads(line) for line in staged["history.jsonl"].decode().splitlines()]


def losses_shown(directory, boards):
    """Return the losses that TensorBoard shows of event files, one for each step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for name, content in boards.items():
        (directory / name.rpartition("/")[2]).write_bytes(content)
    shown = EventAccumulator(str(directory)).Reload().Scalars("train/loss")
    assert [event.step for event in shown] == list(range(1, STEPS + 1))
    return [event.value for event in shown]


def test_a_stop_signal_saves_a_checkpoint_first_and_names_itself(world, uninterrupted):
    process = world.start("stopped")
    wait_for(world.volume.checkpoints("stopped") / "step-2", process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_SECONDS)
    outcome = world.outcome("stopped")
    saved = newest_complete(world.volume.checkpoints("stopped")).step
    body = world.s3.get_object(Bucket=BUCKET, Key=RunKeys("stopped").progress)["Body"].read()
    assert saved == Progress.model_validate_json(body).step == Progress.model_validate_json(body).checkpoint_step
    assert (process.returncode, outcome.error) == (28, "TrainingInterruptedError")
    assert world.staged("stopped") == {}


def test_a_bad_dataset_line_ends_with_its_number_and_exit_code_and_without_its_text(world, tmp_path):
    directory = write_dataset(tmp_path, {"train.jsonl": 3, "validation.jsonl": 2})
    broken = (
        (directory / "train.jsonl").read_text().replace('"input": "Synthetic note train.jsonl 1', '"inptu": "PRIVATE')
    )
    (directory / "train.jsonl").write_text(broken)
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["files"]["train.jsonl"]["sha256"] = hashlib.sha256(broken.encode()).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest))
    code, log = world.run("bad-line", dataset_sha256=publish(world.s3, directory))
    outcome = world.outcome("bad-line")
    assert (code, outcome.error, outcome.exit_code) == (20, "DatasetInvalidError", 20)
    assert "train.jsonl" in outcome.message
    assert "line 2" in outcome.message
    assert "PRIVATE" not in outcome.message + log
