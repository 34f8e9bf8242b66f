"""A progress bar on the terminal's error stream, and nothing at all where that is no terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType

WIDTH = 30


class ProgressBar:
    """Counts notes; with a known total it shows a bar and the time left."""

    def __init__(self, total: int | None, *, is_shown: bool = True) -> None:
        self._total = total
        self._is_shown = is_shown and sys.stderr.isatty()
        self._done = 0
        self._started = time.monotonic()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._done and self._is_shown:
            print(file=sys.stderr)

    def update(self) -> None:
        """Count one note."""
        self._done += 1
        if self._is_shown:
            print(f"\r{self.text()}\033[K", end="", file=sys.stderr, flush=True)

    def text(self) -> str:
        """Return the line as it stands."""
        per_second = self._done / max(time.monotonic() - self._started, 1e-9)
        if not self._total:
            return f"{self._done} notes, {per_second:.1f}/s"
        filled = "#" * (WIDTH * self._done // self._total)
        seconds_left = (self._total - self._done) / per_second
        return f"[{filled:<{WIDTH}}] {self._done}/{self._total} notes, {per_second:.1f}/s, {seconds_left:.0f} s left"
