"""SIGTERM (docker stop, a host going down) as an ordinary error: at once, or in training at the next step's end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType

from loguru import logger
from slm_core import clock
from slm_core.errors import DeadlineExceededError, TrainingInterruptedError

# a step, a checkpoint and its hashes; at the deadline itself the host goes down
SAVING = timedelta(minutes=2)


class Interruption:
    """Whether the process was asked to stop.

    Outside `deferred` the signal raises TrainingInterruptedError where it strikes: every file is written under a
    temporary name, so nothing half-done can be mistaken for a result. Inside, the training loop asks `is_requested`.
    """

    def __init__(self) -> None:
        self.is_requested = False
        self._is_deferred = False
        self._is_over = False
        self._pass_on: Callable[[], None] | None = None

    def listen(self) -> None:
        """Take over SIGTERM and SIGINT for the rest of the process."""
        signal.signal(signal.SIGTERM, self._receive)
        signal.signal(signal.SIGINT, self._receive)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take over both signals for the block; after it they do nothing, so that its outcome can be written."""
        self.listen()
        try:
            yield
        finally:
            self._is_over = True

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the block finish its step and save; raise afterwards if the signal came."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
        self.raise_if_requested()

    @contextmanager
    def passed_on(self, pass_on: Callable[[], None]) -> Iterator[None]:
        """Tell another process of the signal while the block waits for it, and raise nothing."""
        self._pass_on = pass_on
        try:
            yield
        finally:
            self._pass_on = None

    def raise_if_requested(self) -> None:
        """Raise TrainingInterruptedError when the signal has come."""
        if self.is_requested:
            raise TrainingInterruptedError("The process was asked to stop")

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_over:
            return
        logger.warning("asked to stop")
        self.is_requested = True
        if self._pass_on is not None:
            self._pass_on()
        elif not self._is_deferred:
            self.raise_if_requested()


@contextmanager
def ended_before(deadline_at: datetime | None) -> Iterator[None]:
    """Send this process SIGTERM two minutes before the deadline, so that the block saves and ends in time.

    Raises: DeadlineExceededError in the place of TrainingInterruptedError then: a relaunch would have no time.
    """
    if deadline_at is None:
        yield
        return
    seconds_left = (deadline_at - SAVING - clock.now()).total_seconds()
    timer = threading.Timer(max(seconds_left, 0), os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    try:
        # within, because it strikes at once where the time is over
        timer.start()
        yield
    except TrainingInterruptedError as error:
        if clock.now() < deadline_at - SAVING:
            raise
        raise DeadlineExceededError(
            f"The training ended before the deadline {deadline_at:%Y-%m-%d %H:%M} UTC"
        ) from error
    finally:
        timer.cancel()
