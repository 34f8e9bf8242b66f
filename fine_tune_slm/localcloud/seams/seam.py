"""One patch to a private name of moto: checked before it is made, undone when the emulator closes.

moto promises nothing about these names. A seam therefore states the parameters it expects, and a moto that differs is
refused at start with a sentence that says what to do, not with a puzzling failure in the middle of a run.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import moto

from fine_tune_slm.localcloud.errors import SeamBrokenError

MOTO_VERSION = "5.2.5"


@dataclass(frozen=True)
class Seam:
    """A name of moto, the parameters it must have, and how its replacement is made from the original.

    `parameters` is None for a name that moto must not have yet: an operation that it does not know.
    """

    owner: Any
    name: str
    parameters: tuple[str, ...] | None
    replace: Callable[[Any], Any]

    def __str__(self) -> str:
        return f"{getattr(self.owner, '__module__', '')}.{self.owner.__name__}.{self.name}".lstrip(".")


def require_moto(version: str = moto.__version__) -> None:
    """Return nothing when moto is the version the seams were written for.

    Raises: SeamBrokenError otherwise.
    """
    if version != MOTO_VERSION:
        raise SeamBrokenError(f"The emulated AWS needs moto {MOTO_VERSION}, installed is {version}")


def check(seam: Seam) -> Any:
    """Return the original attribute, as it stands in its owner's dictionary.

    Raises: SeamBrokenError when it is missing or takes other parameters.
    """
    try:
        original = inspect.getattr_static(seam.owner, seam.name)
    except AttributeError as error:
        if seam.parameters is None:
            return None
        raise SeamBrokenError(f"moto has no {seam}") from error
    found = _parameters(original)
    if found != seam.parameters:
        raise SeamBrokenError(f"moto's {seam} takes {found}, the seam expects {seam.parameters}")
    return original


def _parameters(original: Any) -> tuple[str, ...]:
    if isinstance(original, property):
        original = original.fget
    if isinstance(original, (classmethod, staticmethod)):
        original = original.__func__
    if not callable(original):
        return ()
    return tuple(inspect.signature(original).parameters)


@contextlib.contextmanager
def installed(seams: Sequence[Seam]) -> Iterator[None]:
    """Hold all seams in place inside the block; every one is checked before the first is made."""
    originals = [(seam, check(seam)) for seam in seams]
    try:
        for seam, original in originals:
            setattr(seam.owner, seam.name, seam.replace(original))
        yield
    finally:
        for seam, original in reversed(originals):
            if seam.parameters is None:
                delattr(seam.owner, seam.name)
            else:
                setattr(seam.owner, seam.name, original)
