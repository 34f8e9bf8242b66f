"""Builds training/Dockerfile with buildah on a base of debootstrap's, and runs it once; writes docs/measured/image.*

    python -m scripts.image          as root; `make image` does it

What differs from the real image: the base (Debian's Python 3.11 instead of python:3.11-slim) and torch (the CPU build).
Everything lies under .local/image, storage too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fine_tune_slm.local_image import IMAGE, PLACE, podman_environment
from scripts.image.cpu_requirements import cpu_requirements
from scripts.image.page import page

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / PLACE
MEASURED = ROOT / "docs" / "measured"
BASE = "localhost/fine-tune-slm-base:bookworm"
TOOLS = ("debootstrap", "buildah", "podman", "runc")
BASE_PACKAGES = "ca-certificates,python3,python3-pip,python3-venv,python-is-python3"
REQUIREMENTS = Path("training/requirements.cpu.lock")
CERTIFICATES = Path("/etc/ssl/certs")
CONTAINERS_CONF = """[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
FACTS = """
import importlib.metadata, json, os, platform, shutil, torch
print(json.dumps({
    "python": platform.python_version(), "torch": torch.__version__, "user": os.getuid(),
    "packages": sum(1 for _ in importlib.metadata.distributions(path=["/opt/venv/lib/python3.11/site-packages"])),
    "compilers": [name for name in ("cc", "gcc", "clang", "make") if shutil.which(name)],
    "pip_in_environment": os.path.exists("/opt/venv/bin/pip"),
}))
"""


def main() -> None:
    """Build, run, write the page."""
    _require_tools()
    HERE.mkdir(parents=True, exist_ok=True)
    _write_settings()
    _make_base()
    _write_requirements()
    seconds, steps = _build()
    figures = {
        "made_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "base": "Debian bookworm by debootstrap",
        "build_seconds": round(seconds),
        "size_bytes": int(_said("podman", "image", "inspect", "--format", "{{.Size}}", IMAGE)),
        "steps": steps,
        "inside": json.loads(_said("podman", "run", "--rm", "--entrypoint", "python", IMAGE, "-c", FACTS)),
        "help": _said("podman", "run", "--rm", "--network", "host", IMAGE, "--help").splitlines(),
    }
    (MEASURED / "image.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (MEASURED / "image.md").write_text(page(figures), encoding="utf-8")
    print(f"{IMAGE} is built: fine-tune-slm rehearse --engine podman trains in it")


def _require_tools() -> None:
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        packages = "podman buildah runc debootstrap netavark iptables"
        sys.exit(f"No {', '.join(missing)} here. Debian: apt-get install --no-install-recommends {packages}")
    if os.geteuid() != 0:
        sys.exit("make image needs root: debootstrap and buildah's chroot do")


def _write_settings() -> None:
    (HERE / "containers.conf").write_text(CONTAINERS_CONF, encoding="utf-8")
    storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{HERE}/storage"\nrunroot = "{HERE}/run"\n'
    (HERE / "storage.conf").write_text(storage, encoding="utf-8")
    # the build's pip finds torch's CPU build, and trusts whom this machine trusts
    pip = f"[global]\nfind-links = /wheels\ncert = {CERTIFICATES}/ca-certificates.crt\n"
    (HERE / "pip.conf").write_text(pip, encoding="utf-8")


def _make_base() -> None:
    if subprocess.run(["podman", "image", "exists", BASE], env=_environment(), check=False).returncode == 0:
        return
    system = HERE / "rootfs"
    if not system.exists():
        command = ["debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", "bookworm", str(system)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        # python:3.11-slim has no such mark, and the Dockerfile removes pip
        (system / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink()
    with subprocess.Popen(["tar", "-C", system, "-c", "."], stdout=subprocess.PIPE) as archive:
        subprocess.run(["podman", "import", "--quiet", "-", BASE], stdin=archive.stdout, env=_environment(), check=True)


def _write_requirements() -> None:
    """Write the file of hashes that the build installs, with the wheel of torch's CPU build beside it."""
    lock_text = (ROOT / "training" / "requirements.lock").read_text(encoding="utf-8")
    version = next(line for line in lock_text.splitlines() if line.startswith("torch==")).split()[0]
    wheels = HERE / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "-d", wheels, version], check=True)
    found = sorted(wheels.glob("torch-*+cpu-*.whl"))
    if not found:
        sys.exit("pip finds no CPU build of torch: name an index that has it in PIP_EXTRA_INDEX_URL")
    digest = hashlib.sha256(found[-1].read_bytes()).hexdigest()
    (ROOT / REQUIREMENTS).write_text(cpu_requirements(lock_text, digest), encoding="utf-8")


def _build() -> tuple[float, list[str]]:
    """Return how long the build took, and the steps that it told."""
    mounts = {HERE / "wheels": "/wheels", HERE / "pip.conf": "/etc/pip.conf", CERTIFICATES: CERTIFICATES}
    command = ["buildah", "bud", "--isolation", "chroot", "--no-cache", "--network", "host"]
    command += [word for outside, inside in mounts.items() for word in ("--volume", f"{outside}:{inside}:ro")]
    command += ["--build-arg", f"BASE_IMAGE={BASE}", "--build-arg", f"REQUIREMENTS={REQUIREMENTS}"]
    began = time.monotonic()
    with (HERE / "build.log").open("w+", encoding="utf-8") as log:
        asked = [*command, "--file", "training/Dockerfile", "--tag", IMAGE, "."]
        built = subprocess.run(asked, cwd=ROOT, env=_environment(), stdout=log, stderr=log, check=False)
        log.seek(0)
        lines = log.read().splitlines()
    if built.returncode:
        sys.exit("\n".join([*lines[-20:], f"the build failed; all of it is in {PLACE / 'build.log'}"]))
    return time.monotonic() - began, [line for line in lines if line.startswith(("STEP", "[1/2] STEP", "[2/2] STEP"))]


def _said(*command: str) -> str:
    answer: Any = subprocess.run(command, env=_environment(), check=True, stdout=subprocess.PIPE, text=True)
    return str(answer.stdout).strip()


def _environment() -> dict[str, str]:
    return os.environ | podman_environment(ROOT)


if __name__ == "__main__":
    main()
