"""Which checkpoints count, and which runs' stay on the volume."""

import os

import pytest
from slm_core.errors import CheckpointMissingError
from slm_core.layout import VolumePaths

from training.checkpoints import CheckpointStore, checkpoint_to_resume, newest_complete, origin_of, remove_old_runs


def write_checkpoint(store, step):
    source = store.scratch / f"checkpoint-{step}"
    source.mkdir()
    (source / "adapter_model.safetensors").write_bytes(f"weights of step {step}".encode())
    return store.adopt(step)


@pytest.fixture
def volume(tmp_path):
    return VolumePaths(tmp_path)


def store_of(volume, spec, run_id="run-1", keep=2):
    return CheckpointStore(volume.checkpoints(run_id), origin_of(spec), keep)


def test_the_newest_by_number_is_resumed_not_the_newest_by_name(volume, spec):
    store = store_of(volume, spec)
    write_checkpoint(store, 8)
    write_checkpoint(store, 16)
    assert newest_complete(volume.checkpoints("run-1")).step == 16


def test_only_the_newest_few_are_kept(volume, spec):
    store = store_of(volume, spec, keep=2)
    for step in (8, 16, 24, 100):
        write_checkpoint(store, step)
    kept = {path.name for path in volume.checkpoints("run-1").iterdir() if path.name.startswith("step-")}
    assert kept == {"step-24", "step-100"}


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "COMPLETE", "origin.json"])
def test_a_torn_checkpoint_is_passed_over(volume, spec, file):
    store = store_of(volume, spec)
    write_checkpoint(store, 8)
    torn = write_checkpoint(store, 16)
    (torn.path / file).write_bytes((torn.path / file).read_bytes()[:-1])
    assert newest_complete(volume.checkpoints("run-1")).step == 8


def test_a_half_written_checkpoint_of_a_killed_process_is_removed_at_the_next_start(volume, spec):
    store = store_of(volume, spec)
    (store.scratch / "checkpoint-8").mkdir()
    assert newest_complete(volume.checkpoints("run-1")) is None
    assert list(store_of(volume, spec).scratch.iterdir()) == []


def test_a_first_launch_starts_from_nothing(volume, spec):
    assert checkpoint_to_resume(spec, volume) is None


def test_a_run_resumes_from_another_runs_checkpoint(volume, spec):
    write_checkpoint(store_of(volume, spec, "earlier"), 8)
    found = checkpoint_to_resume(spec.model_copy(update={"resume_from": "earlier"}), volume)
    assert found.step == 8


def test_a_relaunch_prefers_its_own_checkpoint_to_the_one_it_came_from(volume, spec):
    write_checkpoint(store_of(volume, spec, "earlier"), 24)
    write_checkpoint(store_of(volume, spec), 8)
    found = checkpoint_to_resume(spec.model_copy(update={"resume_from": "earlier"}), volume)
    assert found.path == volume.checkpoints("run-1") / "step-8"


def test_resuming_from_a_run_without_checkpoint_is_an_error_that_names_it(volume, spec):
    with pytest.raises(CheckpointMissingError, match="earlier"):
        checkpoint_to_resume(spec.model_copy(update={"resume_from": "earlier"}), volume)


def test_resuming_from_an_adapter_of_another_shape_is_refused(volume, spec):
    training = spec.config.training.model_copy(update={"lora_rank": 4})
    other = spec.model_copy(update={"config": spec.config.model_copy(update={"training": training})})
    write_checkpoint(store_of(volume, other, "earlier"), 8)
    with pytest.raises(CheckpointMissingError, match="adapter shape"):
        checkpoint_to_resume(spec.model_copy(update={"resume_from": "earlier"}), volume)


@pytest.mark.parametrize(
    "changes", [{"dataset_sha256": "9" * 64}, {"samples": 3}, {"batch_size": 5}, {"seed": 1}], ids=str
)
def test_resuming_on_another_dataset_or_plan_is_refused(volume, spec, changes):
    write_checkpoint(store_of(volume, spec, "earlier"), 8)
    if "dataset_sha256" not in changes:
        training = spec.config.training.model_copy(update=changes)
        changes = {"config": spec.config.model_copy(update={"training": training})}
    with pytest.raises(CheckpointMissingError, match="dataset or plan"):
        checkpoint_to_resume(spec.model_copy(update={"resume_from": "earlier", **changes}), volume)


def test_torn_checkpoints_never_push_out_the_good_one(volume, spec):
    store = store_of(volume, spec, keep=1)
    write_checkpoint(store, 30)
    torn = volume.checkpoints("run-1") / "step-40"
    torn.mkdir()
    write_checkpoint(store, 35)
    assert newest_complete(volume.checkpoints("run-1")).step == 35
    assert not torn.exists()


DAY_SECONDS = 24 * 3600


@pytest.fixture
def run_of(volume, spec):
    """Leave a run with one checkpoint on the volume, heard of last so many days before the run of `spec`."""

    def leave(run_id, days):
        written_at = spec.created_at.timestamp() - days * DAY_SECONDS
        checkpoint = write_checkpoint(store_of(volume, spec, run_id), 8)
        for path in (checkpoint.path / "COMPLETE", volume.progress(run_id)):
            path.touch()
            os.utime(path, (written_at, written_at))

    return leave


def runs_on(volume):
    return {path.name for path in volume.run("any").parent.iterdir()}


def test_a_run_of_which_nothing_was_heard_for_longer_than_the_bound_is_removed(volume, spec, run_of):
    days = spec.config.training.keep_checkpoints_days
    run_of("old", days + 1)
    run_of("recent", days - 1)
    run_of("run-1", days + 1)
    remove_old_runs(spec, volume)
    assert runs_on(volume) == {"recent", "run-1"}


def test_an_old_run_stays_while_it_is_continued(volume, spec, run_of):
    run_of("old", 1000)
    remove_old_runs(spec.model_copy(update={"resume_from": "old"}), volume)
    assert newest_complete(volume.checkpoints("old")).step == 8


@pytest.mark.parametrize("sign", ["progress.json", "checkpoints/step-8/COMPLETE"])
def test_one_recent_sign_of_life_keeps_a_run(volume, spec, run_of, sign):
    run_of("old", 1000)
    (volume.run("old") / sign).touch()
    remove_old_runs(spec, volume)
    assert runs_on(volume) == {"old"}


def test_a_run_without_any_sign_is_as_old_as_its_directory(volume, spec):
    for run_id, days in (("old", 1000), ("recent", 1)):
        volume.run(run_id).mkdir(parents=True)
        os.utime(volume.run(run_id), (spec.created_at.timestamp() - days * DAY_SECONDS,) * 2)
    remove_old_runs(spec, volume)
    assert runs_on(volume) == {"recent"}


def test_a_run_that_cannot_be_removed_stops_nothing(volume, spec, run_of, tmp_path):
    run_of("older", 1000)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.utime(elsewhere, (0, 0))
    volume.run("linked").symlink_to(elsewhere)
    remove_old_runs(spec, volume)
    assert runs_on(volume) == {"linked"}
    assert elsewhere.is_dir()
