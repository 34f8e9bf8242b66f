"""Virtual time: two days pass in a second, one thing happens at a time, and always in the same order.

Whatever takes time in the real world (a Wait state, a slow function) runs as a task, in a thread of its own. Only one
thread ever runs: a task that sleeps hands over to the timeline, which moves the clock to the next thing that is due.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_STACK_BYTES = 1 << 20


class TaskEnded(BaseException):
    """Raised in a task that still sleeps when its world ends; nothing may catch it."""


@dataclass(eq=False)
class Task:
    """Something that takes time."""

    name: str
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    sleep_number: int = 0
    is_over: bool = False
    thread: threading.Thread | None = None


class Timeline:
    """The clock, what is due on it, and the tasks that run on it."""

    def __init__(self) -> None:
        self.now = START
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._hand_back = threading.Semaphore(0)
        self._running: Task | None = None
        self._tasks: list[Task] = []
        self._is_closing = False
        self.failures: list[BaseException] = []

    @property
    def running(self) -> Task | None:
        """The task that runs now; None while the timeline itself does something."""
        return self._running

    def seconds(self) -> float:
        """Return the seconds since the world began."""
        return (self.now - START).total_seconds()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Let something happen later; it must not take time itself."""
        due_at = self.now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._due, (due_at, next(self._numbers), act))

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Let something happen again and again."""

        def again() -> None:
            act()
            self.after(seconds, again)

        self.after(seconds, again)

    def spawn(self, name: str, act: Callable[[], None], after_seconds: float = 0.0) -> None:
        """Begin a task."""
        task = Task(name)
        task.thread = threading.Thread(target=self._run, args=(task, act), name=name, daemon=True)
        self._tasks.append(task)
        task.thread.start()
        self.after(after_seconds, lambda: self._hand_to(task))

    def sleep(self, seconds: float) -> None:
        """Let time pass for the task that calls this."""
        task = self._running
        if task is None:
            raise AssertionError("only a task can sleep")
        task.sleep_number += 1
        number = task.sleep_number
        self.after(seconds, lambda: self._wake(task, number))
        self._hand_back.release()
        task.go.acquire()
        if self._is_closing:
            raise TaskEnded

    def wake(self, task: Task) -> None:
        """End the sleep of a task early."""
        number = task.sleep_number
        self.after(0, lambda: self._wake(task, number))

    def run(self, is_done: Callable[[], bool], until_seconds: float) -> None:
        """Let time pass until something is the case, or until a time."""
        end = START + timedelta(seconds=until_seconds)
        while self._due and not is_done() and not self.failures:
            if self._due[0][0] > end:
                self.now = end
                return
            due_at, _, act = heapq.heappop(self._due)
            self.now = max(self.now, due_at)
            act()

    def close(self) -> None:
        """End every task that still sleeps."""
        self._is_closing = True
        for task in self._tasks:
            if not task.is_over:
                self._hand_to(task)
            if task.thread:
                task.thread.join(timeout=5)
        self._tasks.clear()

    def _wake(self, task: Task, number: int) -> None:
        # a task that was woken early must not be woken a second time in its next sleep
        if not task.is_over and task.sleep_number == number:
            task.sleep_number += 1
            self._hand_to(task)

    def _hand_to(self, task: Task) -> None:
        self._running = task
        task.go.release()
        self._hand_back.acquire()
        self._running = None

    def _run(self, task: Task, act: Callable[[], None]) -> None:
        task.go.acquire()
        try:
            if not self._is_closing:
                act()
        except TaskEnded:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the campaign must hear of it
            self.failures.append(error)
        finally:
            task.is_over = True
            self._hand_back.release()
