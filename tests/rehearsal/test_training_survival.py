"""A training that is killed anywhere goes on where it was, and every way to end has its own name and exit code.

The launches are forks of a warmed process (warmed.py): twenty deaths take a minute rather than ten.
"""

from __future__ import annotations

import random
import shutil
import signal
from itertools import count

import pytest
from safetensors.torch import load_file, save_file
from slm_core.layout import RunKeys, s3_uri
from slm_core.records import BaseModelRef, Metrics, Outcome

from tests.rehearsal.training_world import BUCKET, REVISION, run_spec
from tests.rehearsal.warmed import NOT_POSSIBLE_HERE, KillPoint, Warmed
from training.checkpoints import newest_complete
from training.durable import seal

DEATHS = 20
# by what the training does then: functions, how often they are entered first, how many calls and returns later at most
PLACES = {
    "loading": (("_gather", "load_model", "add_adapter", "make_trainer"), 1, 3000),
    "stepping": (("training_step", "on_step_end", "rows_loss"), 3, 1500),
    "saving": (("_save_checkpoint", "_save_optimizer_and_scheduler", "seal"), 2, 600),
    "renaming": (("adopt", "rename_durably"), 2, 40),
    "packaging": (("write_package", "upload"), 1, 1500),
}


def kill_points(seed):
    generator = random.Random(seed)  # noqa: S311
    points = []
    for number in range(DEATHS):
        functions, entered_at_most, events_at_most = PLACES[list(PLACES)[number % len(PLACES)]]
        delay = generator.choice([None, generator.uniform(0, 0.05)])
        point = KillPoint(
            generator.choice(functions),
            generator.randint(1, entered_at_most),
            generator.randrange(events_at_most),
            delay,
        )
        points.append(point)
    generator.shuffle(points)
    return points


@pytest.fixture(scope="module")
def warmed(world, tmp_path_factory):
    environment = {"AWS_ENDPOINT_URL": world.endpoint, "OMP_NUM_THREADS": "1"}
    with Warmed(tmp_path_factory.mktemp("warmed"), environment) as running:
        yield running


@pytest.fixture(scope="module")
def launch(world, warmed):
    """A function that runs one launch of a run in a fork."""

    def run(run_id, point=None, fault=None, **changes):
        keys = RunKeys(run_id)
        spec = run_spec(run_id, world.dataset_sha256).model_copy(update=changes)
        world.s3.put_object(Bucket=BUCKET, Key=keys.spec, Body=spec.model_dump_json())
        arguments = ["train", "--run-uri", s3_uri(BUCKET, keys.spec), "--fence", "1"]
        named = (fault, str(world.volume.run(run_id))) if fault else None
        return warmed.run([*arguments, "--work-dir", str(world.volume.root)], point, named)

    return run


@pytest.fixture(scope="module")
def undisturbed(world, launch):
    """The adapter of a run that nothing disturbed."""
    ended = launch("undisturbed")
    assert ended.code == 0, ended.log
    return adapter_of(world, "undisturbed")


def adapter_of(world, run_id):
    return world.staged(run_id)["adapter_model.safetensors"]


def test_twenty_deaths_anywhere_change_no_bit_of_the_adapter(world, launch, undisturbed):
    runs = (f"mortal-{number}" for number in count(1))
    run, half_written = next(runs), 0
    for point in kill_points(seed=4):
        ended = launch(run, point)
        if ended.code == 0:
            # the run was near its end and did not come to the point any more: a new one does
            assert adapter_of(world, run) == undisturbed
            run = next(runs)
            ended = launch(run, point)
        assert ended.code == -signal.SIGKILL, ended.log
        half_written += any((world.volume.checkpoints(run) / ".writing").glob("checkpoint-*"))
    assert launch(run).code == 0
    assert adapter_of(world, run) == undisturbed
    assert Metrics.model_validate_json(world.staged(run)["metrics.json"]).training.resumed_from_step > 0
    assert half_written > 0


def test_a_torn_checkpoint_is_passed_over_and_the_adapter_is_the_same(world, launch, undisturbed):
    assert launch("torn", KillPoint("training_step", 6, 0)).code == -signal.SIGKILL
    checkpoints = world.volume.checkpoints("torn")
    newest = newest_complete(checkpoints)
    assert newest.step == 4
    weights = newest.path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    ended = launch("torn")
    assert ended.code == 0
    assert "step-4 is torn and is passed over" in ended.log
    assert Metrics.model_validate_json(world.staged("torn")["metrics.json"]).training.resumed_from_step == 2
    assert adapter_of(world, "torn") == undisturbed


def changed(world, **training):
    """Return the configuration with other hyperparameters, and without the untuned model's evaluation."""
    config = run_spec("any", world.dataset_sha256).config
    return config.model_copy(
        update={
            "training": config.training.model_copy(update=training),
            "evaluation": config.evaluation.model_copy(update={"before_tuning": False}),
        }
    )


def spoilt_model(world, tiny_model, name, spoil):
    """Put a model into the volume's cache, spoilt before it was sealed."""
    directory = world.volume.model(f"tiny/{name}", REVISION)
    shutil.copytree(tiny_model, directory)
    spoil(directory / "model.safetensors")
    seal(directory)
    return BaseModelRef(repo_id=f"tiny/{name}", revision=REVISION)


def truncate(weights):
    weights.write_bytes(weights.read_bytes()[:-1000])


def poison(weights):
    tensors = load_file(weights)
    tensors["model.norm.weight"][0] = float("nan")
    save_file(tensors, weights, metadata={"format": "pt"})


def test_a_base_model_that_came_truncated_is_corrupt(world, launch, tiny_model):
    base_model = spoilt_model(world, tiny_model, "truncated", spoil=truncate)
    assert launch("truncated", base_model=base_model).code == 22
    assert world.outcome("truncated").error == "BaseModelCorruptError"


def test_a_loss_that_is_no_number_ends_the_run_before_anything_is_saved(world, launch, tiny_model):
    base_model = spoilt_model(world, tiny_model, "poisoned", spoil=poison)
    ended = launch("diverged", base_model=base_model, config=changed(world, checkpoint_steps=1))
    assert (ended.code, world.outcome("diverged").error) == (24, "TrainingDivergedError")
    assert newest_complete(world.volume.checkpoints("diverged")) is None


def test_bfloat16_without_a_gpu_ends_the_run_before_anything_is_loaded(world, launch):
    ended = launch("no-gpu", config=changed(world, dtype="bfloat16"))
    assert (ended.code, world.outcome("no-gpu").error) == (26, "GpuMissingError"), ended.log
    assert "loading the base model" not in ended.log


def test_memory_that_runs_out_in_a_step_is_named(world, launch):
    large = changed(world, batch_size=32, max_tokens_per_batch=131072, lora_rank=1024)
    ended = launch("no-memory", fault="no more memory", config=large)
    assert (ended.code, world.outcome("no-memory").error) == (23, "TrainingOutOfMemoryError"), ended.log


def test_a_full_disk_is_named_and_leaves_room_for_the_outcome(world, warmed, launch):
    ended = launch("full-disk", fault="small disk")
    if ended.code == NOT_POSSIBLE_HERE:
        pytest.skip("a disk of one's own needs user namespaces")
    outcome = Outcome.model_validate_json((warmed.directory / "log.outcome").read_bytes())
    assert (ended.code, outcome.error) == (25, "DiskFullError"), ended.log
