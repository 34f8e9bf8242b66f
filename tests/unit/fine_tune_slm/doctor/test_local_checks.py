"""The checks of this machine."""

import subprocess

import pytest

from fine_tune_slm.doctor.checks import local_disk, local_memory, local_model, local_python, local_torch
from fine_tune_slm.doctor.checks.dataset_files import look_at_dataset_files
from fine_tune_slm.doctor.checks.local_ports import look_at_local_ports, try_address
from fine_tune_slm.doctor.context import Context, Occasion, Request
from fine_tune_slm.doctor.finding import Verdict
from tests.unit.emulated_account import ROOT

GIB = 1024**3


@pytest.fixture
def context(tmp_path):
    request = Request(
        occasion=Occasion.LOCAL,
        project=ROOT,
        root=tmp_path / "not" / "yet" / "made",
        dataset=tmp_path,
        config_file=None,
        stack_name="none",
    )
    return Context(request, None, ())


@pytest.mark.parametrize(
    ("version", "verdict"),
    [((3, 10), Verdict.FAIL), ((3, 11), Verdict.OK), ((3, 13), Verdict.OK), ((3, 14), Verdict.FAIL)],
)
def test_python_is_3_11_to_3_13(version, verdict):
    assert local_python.verdict_on(version, "told").verdict is verdict


def test_this_python_will_do(context):
    assert local_python.look_at_local_python(context).verdict is Verdict.OK


def test_a_library_that_cannot_be_imported_is_told_in_the_last_words_of_python(context):
    found = local_torch.probe("import no_such_module", context)
    assert found.told == "what trains cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"
    assert local_torch.probe("print('2.13.0')", context).told.startswith("torch 2.13.0, ")


def test_a_library_that_hangs_is_given_up(context, monkeypatch):
    monkeypatch.setattr(local_torch, "PATIENCE_SECONDS", 0.2)
    found = local_torch.probe("import time; time.sleep(60)", context)
    assert found.told == "torch was not imported within 0.2 s"


def test_a_full_disk_fails_and_a_root_that_is_not_made_yet_is_no_obstacle(context):
    assert local_disk.verdict_on(free_bytes=2 * GIB, needed_bytes=3 * GIB).verdict is Verdict.FAIL
    assert local_disk.look_at_local_disk(context).told.endswith("a first rehearsal takes up to 2.5 GiB")


def test_little_memory_is_a_warning():
    assert local_memory.verdict_on(3 * GIB).verdict is Verdict.WARN
    assert local_memory.verdict_on(4 * GIB).verdict is Verdict.OK


def test_memory_is_what_is_available_or_where_that_is_not_told_all_of_it(tmp_path):
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:  900 kB\nMemFree:  1 kB\nMemAvailable:    500 kB\n", encoding="ascii")
    assert local_memory.available_bytes(told) == 512_000
    assert local_memory.available_bytes(tmp_path / "none") > GIB


def test_loopback_can_be_reached_and_an_address_of_another_machine_cannot(context):
    assert look_at_local_ports(context).verdict is Verdict.OK
    # TEST-NET-1, RFC 5737: nobody's, so no server can be opened on it
    assert try_address("192.0.2.1").verdict is Verdict.FAIL


def test_a_directory_without_a_dataset_fails(context):
    found = look_at_dataset_files(context)
    assert found.verdict is Verdict.FAIL
    assert found.remedy.startswith("fine-tune-slm dataset check ")


def _answering(monkeypatch, returncode, words):
    asked = []

    def run(command, **_):
        asked.extend(command)
        return subprocess.CompletedProcess(command, returncode, words, "")

    monkeypatch.setattr(local_model.subprocess, "run", run)
    return asked


def test_the_training_code_says_whether_the_model_can_be_built_and_builds_nothing(context, monkeypatch):
    asked = _answering(monkeypatch, 0, "it is built\n")
    assert local_model.look_at_local_model(context).told == "it is built"
    assert "--dry-run" in asked
    _answering(monkeypatch, 21, "")
    assert local_model.look_at_local_model(context).verdict is Verdict.FAIL
