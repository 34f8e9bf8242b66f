"""Tells the workflow (S3) and the host's guard (a file on the volume) that the process is alive and how far it is.

A heartbeat is sent only when work was really done: a thread that beats by itself would hide a stall.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from loguru import logger
from slm_core.records import Phase, Progress, Quartiles, RunSpec

from training.durable import write_durably

INTERVAL_SECONDS = 5.0
STEPS_REMEMBERED = 50
STEPS_FOR_QUARTILES = 4


class Heartbeat:
    """Sends the newest progress at most every five seconds, and at once when the phase changes."""

    def __init__(
        self,
        spec: RunSpec,
        fence: int,
        file: Path,
        put: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._put = put
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._sent_at = float("-inf")
        self._entered_at = clock()
        self._progress = Progress(run_id=spec.run_id, fence=fence, phase=Phase.DOWNLOADING, updated_at=_now())

    def enter(self, phase: Phase, total_steps: int = 0) -> None:
        """Begin a phase."""
        logger.info("phase: {}", phase.value)
        timed = self._evaluation_seconds()
        self._update(
            phase=phase,
            step=0,
            total_steps=total_steps,
            tokens_per_second=None,
            seconds_left=None,
            evaluation_seconds=timed,
        )
        self._entered_at = self._clock()
        self._send()

    def beat(self, **changes: Any) -> None:
        """Note that work was done; the keys are those of slm_core.records.Progress."""
        # the Hub's client reports pieces from several threads
        with self._lock:
            self._update(**changes)
            if self._clock() - self._sent_at >= INTERVAL_SECONDS:
                self._send()

    def flush(self) -> None:
        """Send now: something happened that others wait for."""
        self._send()

    def _evaluation_seconds(self) -> float | None:
        """Return how long the evaluation that ends now took; scores out of the cache tell nothing of the next one."""
        progress = self._progress
        if progress.phase is Phase.EVALUATING_BEFORE and progress.step > 0:
            return self._clock() - self._entered_at
        return progress.evaluation_seconds

    def _update(self, **changes: Any) -> None:
        self._progress = Progress.model_validate(self._progress.model_dump() | changes | {"updated_at": _now()})

    def _send(self) -> None:
        self._sent_at = self._clock()
        write_durably(self._file, self._progress.model_dump_json().encode())
        try:
            self._put(self._progress)
        except (BotoCoreError, ClientError) as error:
            # the next one may get through; hours of training must not hang on it
            logger.warning("heartbeat not sent ({})", type(error).__name__)


class SilentHeartbeat(Heartbeat):
    """One that nobody hears: of every process but the first, which speaks for all, and of a training that is no run."""

    def __init__(self, *_whom_it_would_tell: object) -> None:
        """Take what a heartbeat takes, and keep none of it."""

    def enter(self, phase: Phase, total_steps: int = 0) -> None:
        """Begin a phase, unheard."""

    def beat(self, **changes: Any) -> None:
        """Note that work was done, unheard."""

    def flush(self) -> None:
        """Send nothing."""


class Pace:
    """Speed over the last steps, from which the time left is estimated."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=STEPS_REMEMBERED)
        self._tokens: deque[int] = deque(maxlen=STEPS_REMEMBERED)

    def add(self, seconds: float, tokens: int) -> None:
        """Note one step."""
        self._seconds.append(seconds)
        self._tokens.append(tokens)

    @property
    def median_step_seconds(self) -> float | None:
        """Return the median duration, or None before the first step."""
        return statistics.median(self._seconds) if self._seconds else None

    @property
    def quartiles(self) -> Quartiles | None:
        """Return between what durations the middle half of the steps lies, or None while they are few."""
        if len(self._seconds) < STEPS_FOR_QUARTILES:
            return None
        low, _, high = statistics.quantiles(self._seconds, n=4)
        return Quartiles(low=low, high=high)

    @property
    def tokens_per_second(self) -> float | None:
        """Return the mean rate, padding not counted, or None before the first step."""
        total = sum(self._seconds)
        return sum(self._tokens) / total if total > 0 else None


def _now() -> datetime:
    return datetime.now(UTC)
