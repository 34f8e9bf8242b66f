"""The host's guard: the very file that the host runs, loaded as a file, because it belongs to no package."""

import http.server
import importlib.util
import os
import subprocess
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MINUTE = 60.0
BOOT = 1_800_000_000.0
DEADLINE = "2026-11-22T18:00:00.250000+00:00"


@pytest.fixture
def guard():
    """The guard as a module of this test's own."""
    spec = importlib.util.spec_from_file_location("host_guard_under_test", ROOT / "host" / "guard.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("minutes", "deadline_minutes", "heartbeat_minutes", "reason"),
    [
        (19, None, None, None),
        (21, None, None, "no sign of life"),
        (21, None, 5, None),
        (26, None, 5, "no sign of life"),
        # a heartbeat from before this boot is an earlier run's
        (19, None, -60, None),
        (21, None, -60, "no sign of life"),
        # one from the future is of a clock that was wrong
        (21, None, 90, "no sign of life"),
        (21, None, 21.5, None),
        (59, 60, 58, None),
        (60, 60, 59, "deadline"),
        # a deadline from before this boot too
        (15, -10, 14, None),
        (48 * 60, None, 48 * 60, None),
        (49 * 60 + 1, None, 49 * 60, "49 hours"),
        (49 * 60 + 1, 72 * 60, 49 * 60, "49 hours"),
    ],
)
def test_the_verdict(guard, minutes, deadline_minutes, heartbeat_minutes, reason):
    deadline_at = None if deadline_minutes is None else BOOT + deadline_minutes * MINUTE
    heartbeat_at = None if heartbeat_minutes is None else BOOT + heartbeat_minutes * MINUTE
    found = guard.verdict(BOOT + minutes * MINUTE, BOOT, deadline_at, heartbeat_at)
    assert (reason is None and found is None) or (found is not None and reason in found)


def test_the_newest_sign_of_life_of_any_run_counts(guard, tmp_path):
    assert guard.heartbeat_time(tmp_path) is None
    for path, time in (("runs/a/progress.json", 300), ("runs/b/progress.json", 500), ("heartbeat", 400)):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (time, time))
    (tmp_path / "runs" / "b" / "outcome.json").touch()
    assert guard.heartbeat_time(str(tmp_path)) == 500


def test_a_volume_that_is_not_there_gives_no_sign(guard, tmp_path):
    assert guard.heartbeat_time(tmp_path / "nowhere") is None


def test_the_boot_lies_in_the_past_by_the_uptime(guard):
    assert guard.boot_time(BOOT) < BOOT


class Metadata(http.server.BaseHTTPRequestHandler):
    """The metadata service: answers with a token only."""

    deadline: str | None = DEADLINE

    def do_PUT(self):
        """Give a token."""
        is_asked_rightly = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self._answer("a-token" if is_asked_rightly else None)

    def do_GET(self):
        """Give the tag."""
        is_known = self.headers["X-aws-ec2-metadata-token"] == "a-token"
        is_tag = self.path == "/latest/meta-data/tags/instance/deadline"
        self._answer(self.deadline if is_known and is_tag else None)

    def log_message(self, *_):
        """Say nothing."""

    def _answer(self, text):
        self.send_response(200 if text is not None else 404)
        self.end_headers()
        self.wfile.write((text or "").encode())


@pytest.fixture
def metadata(monkeypatch):
    """The address of a metadata service on loopback; a proxy stands in the environment and must not be asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/latest"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_deadline_comes_from_the_instances_tag(guard, metadata):
    assert guard.deadline_time(metadata) == 1795370400.25


@pytest.mark.parametrize("tag", [None, "", "tomorrow"])
def test_a_tag_that_is_missing_or_malformed_is_no_deadline(guard, metadata, monkeypatch, tag):
    monkeypatch.setattr(Metadata, "deadline", tag)
    assert guard.deadline_time(metadata) is None


def test_a_silent_metadata_service_is_no_deadline(guard):
    assert guard.deadline_time("http://127.0.0.1:9/latest") is None


def _powered_off(guard, monkeypatch, answers):
    """Power off where commands answer so; return the commands and the files that were written."""
    asked, written = [], []

    def run(command, **_options):
        asked.append(" ".join(command))
        answer = answers[command[0]]
        if isinstance(answer, BaseException):
            raise answer
        return subprocess.CompletedProcess(command, answer)

    monkeypatch.setattr(guard.subprocess, "run", run)
    monkeypatch.setattr(guard.Path, "write_text", lambda path, text: written.append((str(path), text)))
    guard.power_off()
    return asked, written


def test_the_first_way_to_power_off_suffices(guard, monkeypatch):
    assert _powered_off(guard, monkeypatch, {"systemctl": 0}) == (["systemctl poweroff"], [])


@pytest.mark.parametrize("systemctl", [1, FileNotFoundError(), subprocess.TimeoutExpired("systemctl", 60)])
def test_the_second_way_follows_the_first_one_that_failed(guard, monkeypatch, systemctl):
    asked, written = _powered_off(guard, monkeypatch, {"systemctl": systemctl, "shutdown": 0})
    assert (asked, written) == (["systemctl poweroff", "shutdown -h now"], [])


def test_the_last_way_cuts_the_power(guard, monkeypatch):
    _, written = _powered_off(guard, monkeypatch, {"systemctl": 1, "shutdown": 1})
    assert written == [("/proc/sysrq-trigger", "o")]


@pytest.mark.parametrize(("uptime_minutes", "said"), [(19, []), (21, ["off"])])
def test_one_look_powers_off_a_silent_host_and_no_other(guard, monkeypatch, tmp_path, uptime_minutes, said):
    monkeypatch.setenv("FINE_TUNE_SLM_VOLUME", str(tmp_path))
    monkeypatch.setattr(guard, "boot_time", lambda now: now - uptime_minutes * MINUTE)
    monkeypatch.setattr(guard, "deadline_time", lambda: None)
    calls = []
    monkeypatch.setattr(guard, "power_off", lambda: calls.append("off"))
    assert guard.main() == 0
    assert calls == said


@pytest.mark.parametrize(("uptime_minutes", "deadline_minutes_ago"), [(49 * 60 + 1, None), (60, 1)])
def test_hard_cap_and_deadline_hold_without_a_look_at_the_volume(
    guard, monkeypatch, uptime_minutes, deadline_minutes_ago
):
    def hang(_volume):
        pytest.fail("a volume that hangs would keep the host up")

    now = guard.time.time()
    deadline_at = None if deadline_minutes_ago is None else now - deadline_minutes_ago * MINUTE
    monkeypatch.setattr(guard, "boot_time", lambda now: now - uptime_minutes * MINUTE)
    monkeypatch.setattr(guard, "deadline_time", lambda: deadline_at)
    monkeypatch.setattr(guard, "heartbeat_time", hang)
    calls = []
    monkeypatch.setattr(guard, "power_off", lambda: calls.append("off"))
    assert guard.main() == 0
    assert calls == ["off"]
