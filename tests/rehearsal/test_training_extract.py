"""`python -m training extract` as a process: it streams, and it ends without a traceback whatever ends it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from extraction.answer_line import EVIDENCE_KEY, read_evidenced_line
from extraction.evidence import evidence_of
from extraction.schema import FIELDS
from tests.rehearsal.conftest import PROJECT

NOTE = json.dumps("Synthetic note: stage II.") + "\n"
PATIENCE_SECONDS = 300


@pytest.fixture
def start(tiny_model):
    processes = []

    def run(*arguments):
        command = [sys.executable, "-m", "training", "extract", "--model", str(tiny_model), "--max-new-tokens", "16"]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=PROJECT,
            env=environment,
            text=True,
            # a shell's background job ignores it, and hands that down to the tests
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
            **streams,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def test_a_bad_line_of_a_stream_keeps_what_was_done_and_ends_with_code_2(start):
    out, log = (process := start("--jsonl", "-")).communicate(NOTE * 3 + "PRIVATE\n" + NOTE, PATIENCE_SECONDS)
    assert process.returncode == 2
    assert [list(json.loads(line)) for line in out.splitlines()] == [list(FIELDS)] * 3
    assert "standard input at line 4" in log
    assert "PRIVATE" not in log


def test_answers_come_while_the_input_goes_on_and_ctrl_c_ends_it_quietly(start):
    process = start("--jsonl", "--batch-size", "1")
    process.stdin.write(NOTE * 4)
    process.stdin.flush()
    assert list(json.loads(process.stdout.readline())) == list(FIELDS)
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in log


def test_evidence_stands_beside_the_record_and_its_offsets_count_the_note_as_given(start, tmp_path):
    note = "\ufeffSynthetic note:\r\n\r\nstage\r\nIIIA, no \U0001f600."
    (tmp_path / "note.txt").write_bytes(note.encode())
    out, _ = start("--evidence", str(tmp_path / "note.txt")).communicate(timeout=PATIENCE_SECONDS)
    (line,) = out.splitlines()
    answered = read_evidenced_line(line)
    assert list(json.loads(line)) == [*FIELDS, EVIDENCE_KEY]
    assert answered.evidence == evidence_of(answered.record, note.removeprefix("\ufeff"))


def test_one_by_one_each_line_is_answered_before_the_next_is_written(start):
    process = start("--jsonl", "--evidence", "--one-by-one", "-")
    for _ in range(2):
        process.stdin.write(NOTE)
        process.stdin.flush()
        assert list(json.loads(process.stdout.readline())) == [*FIELDS, EVIDENCE_KEY]
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


def test_a_closed_pipe_ends_it_quietly(start, tmp_path):
    (tmp_path / "notes.jsonl").write_text(NOTE * 200)
    process = start("--batch-size", "1", "--unconstrained", str(tmp_path / "notes.jsonl"))
    assert process.stdout.readline()
    process.stdout.close()
    log = process.stderr.read()
    assert process.wait(PATIENCE_SECONDS) == 141
    assert "Traceback" not in log
    assert "Error" not in log
