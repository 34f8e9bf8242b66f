"""The course of the loss in few numbers, for a heartbeat that whoever begins to watch late can draw it from."""

from __future__ import annotations

from statistics import fmean

MOST_VALUES = 60


class LossTrace:
    """All losses so far as at most sixty means of equally long stretches of steps."""

    def __init__(self) -> None:
        self._stretch = 1
        self._means: list[float] = []
        self._open: list[float] = []

    def add(self, loss: float) -> None:
        """Note the loss of one step."""
        self._open.append(loss)
        if len(self._open) == self._stretch:
            self._means.append(fmean(self._open))
            self._open = []
        if len(self._means) == MOST_VALUES:
            pairs = zip(self._means[::2], self._means[1::2], strict=True)
            self._means, self._stretch = [fmean(pair) for pair in pairs], 2 * self._stretch

    @property
    def values(self) -> tuple[float, ...]:
        """Return the means, the newest last; the last stretch may be shorter."""
        return (*self._means, fmean(self._open)) if self._open else tuple(self._means)
