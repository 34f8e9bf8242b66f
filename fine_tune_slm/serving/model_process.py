"""The model that `serve` asks: one process of the training code's extractor, which answers a line with a line."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fine_tune_slm.errors import ModelEndedError

FLAGS = ("--jsonl", "--evidence", "--one-by-one", "-")
WARM_UP_NOTE = "Synthetic note: stage II."
PATIENCE_SECONDS = 600.0
LONGEST_LINE_BYTES = 1 << 24
_SECONDS_TO_END = 5.0


class ModelProcess:
    """Starts the extractor when it is asked first, and anew when it has ended."""

    def __init__(self, command: Sequence[str], project: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._command = (*command, *FLAGS)
        self._project = project
        self._patience_seconds = patience_seconds
        self._process: Process | None = None

    async def warm_up(self) -> None:
        """Return when the model is loaded.

        Raises: ModelEndedError.
        """
        await self.answer(WARM_UP_NOTE)

    async def answer(self, note: str) -> str:
        """Return the line that the extractor prints for a note; one caller at a time.

        Raises: ModelEndedError.
        """
        process = await self._running()
        try:
            async with asyncio.timeout(self._patience_seconds):
                line = await _exchange(process, note)
        except TimeoutError:
            await self.stop()
            raise ModelEndedError("The model did not answer and was stopped") from None
        except BaseException:
            # whoever asks next must not get the answer to this note
            await self.stop()
            raise
        if not line.endswith("\n"):
            self._process = None
            raise ModelEndedError(f"The model's process ended with exit code {await _ended(process)}")
        return line

    async def stop(self) -> None:
        """End the process; its work is lost."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(_ended(process), _SECONDS_TO_END)
        except TimeoutError:
            process.kill()
            await _ended(process)

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                cwd=self._project,
                env=os.environ | {"HF_HUB_OFFLINE": "1"},
                limit=LONGEST_LINE_BYTES,
                # Ctrl-C is for the server, which then ends this process
                start_new_session=True,
            )
        return self._process


async def _ended(process: Process) -> int:
    """Return the exit code once the process is gone and its pipe is read to the end, so that nothing of it stays."""
    if process.stdout is not None:
        await process.stdout.read()
    return await process.wait()


async def _exchange(process: Process, note: str) -> str:
    if process.stdin is None or process.stdout is None:
        raise ModelEndedError("The model's process has no pipes")
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(f"{json.dumps(note)}\n".encode())
        await process.stdin.drain()
    return (await process.stdout.readline()).decode("utf-8")
