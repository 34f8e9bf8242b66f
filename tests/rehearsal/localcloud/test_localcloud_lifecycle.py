"""An emulated AWS leaves nothing behind: no process, no thread of its own, no patch, no environment variable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

STACK = Path(__file__).parent / "stack"


def test_two_after_another_work_and_leave_nothing_behind(tmp_path, is_alive):
    # In a process of its own: the session's shared emulator would be another one in this process.
    program = [sys.executable, STACK / "lifecycle.py", STACK, tmp_path]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=90, check=True)
    left = json.loads(ran.stdout)
    assert ran.stderr == ""
    assert left["children"] == []
    assert left["threads"] == ["MainThread"]
    assert left["restored"]
    assert left["port"] == os.environ.get("MOTO_PORT")
    for told in left["told"]:
        assert told["patched"]
        assert told["second"] == "refused"
        assert not is_alive(told["pid"])
    for number in ("1", "2"):
        history = json.loads((tmp_path / number / "executions" / "run.json").read_text())
        assert history["execution"]["status"] == "ABORTED"
        assert (tmp_path / number / "volume" / "out.txt").read_text() == "working"


def test_this_process_has_no_thread_that_keeps_it_alive(rehearsal):
    made = set(threading.enumerate()) - rehearsal.others_threads
    assert made
    assert [thread.name for thread in made if not thread.daemon] == []
