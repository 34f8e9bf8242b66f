#!/usr/bin/python3
"""The host's own guard: powers off an instance that nobody needs any more, whatever has become of everything else.

A systemd timer runs it every minute, from the first boot on. Standard library only, Python 3.9 or later: it must work
when nothing else does. The fault campaign runs this very file.
"""

import os
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path

HEARTBEAT_SECONDS = 20 * 60
HARD_CAP_SECONDS = 49 * 3600
CLOCK_JITTER_SECONDS = 60
METADATA = "http://169.254.169.254/latest"
METADATA_SECONDS = 3


def verdict(now, booted_at, deadline_at, heartbeat_at):
    """Return why the host must power off, or None.

    Units: seconds since 1970; deadline_at and heartbeat_at are None when there is none.
    """
    if now - booted_at > HARD_CAP_SECONDS:
        return f"the host has been up for more than {HARD_CAP_SECONDS // 3600} hours"
    # a deadline from before this boot is an earlier run's
    if deadline_at is not None and booted_at < deadline_at <= now:
        return "the run's deadline has passed"
    # one from the future was written before the clock was put right: it would keep a silent host up
    is_heard = heartbeat_at is not None and heartbeat_at <= now + CLOCK_JITTER_SECONDS
    heard_at = max(booted_at, heartbeat_at) if is_heard else booted_at
    if now - heard_at > HEARTBEAT_SECONDS:
        return f"no sign of life for {HEARTBEAT_SECONDS // 60} minutes"
    return None


def boot_time(now):
    """Return when this boot began; it moves with the clock, so a corrected clock does not count as time."""
    return now - float(Path("/proc/uptime").read_text().split()[0])


def heartbeat_time(volume):
    """Return the newest sign of life on the volume, or None."""
    times = []
    for path in [Path(volume, "heartbeat"), *Path(volume, "runs").glob("*/progress.json")]:
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times) if times else None


def deadline_time(metadata=METADATA):
    """Return the deadline on the instance's tag, or None when there is none or the metadata service is silent."""
    try:
        token = _ask(metadata + "/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        tag = _ask(metadata + "/meta-data/tags/instance/deadline", "GET", {"X-aws-ec2-metadata-token": token})
        return datetime.fromisoformat(tag.strip()).timestamp()
    except (OSError, ValueError):
        return None


def _ask(url, method, headers):
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 - always METADATA
    # no proxy: the service is on the link
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=METADATA_SECONDS) as answer:
        return answer.read().decode()


def power_off():
    """Power off, which means stop; the second way if the first one is refused, and the last one cuts the power."""
    for command in (["systemctl", "poweroff"], ["shutdown", "-h", "now"]):
        try:
            if subprocess.run(command, check=False, timeout=60).returncode == 0:
                return
        except (OSError, subprocess.TimeoutExpired):
            continue
    Path("/proc/sysrq-trigger").write_text("o")


def main():
    """Look once."""
    now = time.time()
    booted_at, deadline_at = boot_time(now), deadline_time()
    # taken as heard just now: a look at a volume that hangs never returns, and these limits hold all the same
    reason = verdict(now, booted_at, deadline_at, now)
    if reason is None:
        volume = os.environ.get("FINE_TUNE_SLM_VOLUME", "/mnt/checkpoints")
        reason = verdict(now, booted_at, deadline_at, heartbeat_time(volume))
    if reason:
        print("fine-tune-slm guard: powering off, " + reason, flush=True)
        power_off()
    return 0


if __name__ == "__main__":
    sys.exit(main())
