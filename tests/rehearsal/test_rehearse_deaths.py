"""Training processes that die without a word: what the host saw of their end decides how the run goes on.

A stand-in takes the container's place here, because a process that dies needs no model; all around it is real.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from fine_tune_slm.localcloud import LocalCloud

DYING = """
import os, re, signal, sys
how = re.search(r"/runs/dies-by-([a-z]+)-([0-9]+)/", " ".join(sys.argv))
sys.exit(int(how[2])) if how[1] == "exit" else os.kill(os.getpid(), int(how[2]))
"""


@pytest.fixture(scope="module")
def tiny_stage(tmp_path_factory, tiny_settings, tiny_spec, set_up_stage) -> Iterator:
    """An emulated account whose containers die as the run's name says."""
    directory = tmp_path_factory.mktemp("dying")
    (directory / "container.py").write_text(DYING, encoding="utf-8")
    entry_point = (sys.executable, str(directory / "container.py"))
    settings = tiny_settings.model_copy(
        update={"root": directory / "stage", "volume": directory / "volume", "container_entry_point": entry_point}
    )
    with LocalCloud(settings) as cloud:
        yield set_up_stage(cloud, tiny_spec)


@pytest.mark.parametrize(
    ("name", "error", "launches"),
    [
        ("dies-by-exit-23", "TrainingOutOfMemoryError", 1),
        ("dies-by-exit-24", "TrainingDivergedError", 1),
        ("dies-by-exit-3", "TrainingFailedError", 1),
        ("dies-by-signal-9", "RelaunchesExhaustedError", 3),
    ],
)
def test_a_death_has_its_name_and_leaves_the_instance_stopped(tiny_stage, name, error, launches):
    result = tiny_stage.run(name)
    assert (result.timeline.status, result.card.error) == ("FAILED", error)
    visits = {total.name: total.visits for total in result.timeline.totals()}
    assert visits["StartTraining"] == launches
    assert "PublishModel" not in visits
    assert tiny_stage.instance()["State"]["Name"] == "stopped"
    assert (result.card.state, result.card.instance_state) == ("CheckTraining", "stopped")
