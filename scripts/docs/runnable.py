"""The command blocks of a page that are marked as runnable, and a shell that runs them one after the other.

A comment before a fenced block marks it: `<!-- run -->` for commands that a test runs at once, in a checkout, and
`<!-- run: newcomer -->` for those of a newcomer's first hour, which take minutes. Standard library only: the newcomer
has installed nothing yet.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MARKED = re.compile(r"^<!-- run(?:: ([\w -]+))? -->\n```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
# what a shell reports when Ctrl-C ended what it ran, and what a process that treats Ctrl-C as its end reports
ENDED_BY_CTRL_C = {0, 128 + signal.SIGINT, -signal.SIGINT}


@dataclass(frozen=True)
class Block:
    """Commands of a page, as they stand there."""

    page: Path
    line: int
    mark: str
    commands: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the marked blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    for found in MARKED.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1] or "", found[2])


class Terminal:
    """A shell in which a block begins where the one before ended: same directory, same PATH."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self._state = directory / ".terminal"
        self._state.write_text(f"cd '{directory}'\n", encoding="utf-8")
        self._environment = {**os.environ, **(environment or {})}

    def type(self, commands: str, timeout_seconds: float | None = None) -> None:
        """Run commands; the first that fails ends them.

        Raises: CalledProcessError, TimeoutExpired.
        """
        subprocess.run(self._words(commands), env=self._environment, check=True, timeout=timeout_seconds)

    def type_until_ctrl_c(self, commands: str) -> None:
        """Run a server until it has answered at the address that it prints, then press Ctrl-C.

        Raises: ChildProcessError when no page was seen there, or it did not end as one that obeys.
        """
        with subprocess.Popen(
            self._words(commands),
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # who was started in a shell's background ignores Ctrl-C, and so would all that it starts
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        ) as server:
            try:
                is_seen = any(_is_answered(line) for line in server.stdout or ())
            finally:
                if server.poll() is None:
                    os.killpg(server.pid, signal.SIGINT)
            try:
                code = server.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                raise
        if not is_seen or code not in ENDED_BY_CTRL_C:
            raise ChildProcessError(f"{commands.strip()}: ended with {code}, {'' if is_seen else 'no '}page seen")

    def _words(self, commands: str) -> list[str]:
        remember = f"printf 'cd %q\\nexport PATH=%q\\n' \"$PWD\" \"$PATH\" > '{self._state}'"
        return ["bash", "-euo", "pipefail", "-c", f". '{self._state}'\n{commands}\n{remember}"]


def _is_answered(line: str) -> bool:
    print(line, end="", flush=True)
    address = ADDRESS.search(line)
    if address is None:
        return False
    asked = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=60)
    asked.request("GET", "/")
    with asked.getresponse() as answer:
        return answer.status == http.client.OK
