"""The real AWS CLI in a shell in front of an emulated account: a page's commands run as somebody would type them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fine_tune_slm.localcloud import LocalCloud
from tests.rehearsal.conftest import PROJECT

PATIENCE_SECONDS = 600.0
_AWS_CLI = Path(".local", "venvs", "aws")


@dataclass(frozen=True)
class Shell:
    """A directory and an environment in which commands are typed."""

    directory: Path
    environment: Mapping[str, str]

    def type(self, script: str) -> subprocess.CompletedProcess[str]:
        """Return what became of the commands; the first that fails ends them."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    def succeed(self, script: str) -> str:
        """Return what the commands printed, none of which may fail."""
        ended = self.type(script)
        assert ended.returncode == 0, f"{script}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout


def shell_of(cloud: LocalCloud, directory: Path, given: Mapping[str, str] | None = None) -> Shell:
    """Return a shell that finds our commands and the AWS CLI, which is installed at the first use."""
    subprocess.run(["make", "--silent", "-C", PROJECT, str(_AWS_CLI / "installed")], check=True)
    path = [str(Path(sys.executable).parent), str(PROJECT / _AWS_CLI / "bin"), os.environ["PATH"]]
    return Shell(directory, {**os.environ, "PATH": os.pathsep.join(path), **cloud.environment(), **(given or {})})
