"""The one source of time of the workflow's code, so that a test or the fault campaign can put its own in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_sources: list[Callable[[], datetime]] = [_system]


def now() -> datetime:
    """Return the time, in UTC."""
    return _sources[-1]()


@contextmanager
def use(source: Callable[[], datetime]) -> Iterator[None]:
    """Take the time from the given source for the duration of the block."""
    _sources.append(source)
    try:
        yield
    finally:
        _sources.remove(source)
