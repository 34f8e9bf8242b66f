"""Turns whatever ended the process into one of the project's named errors, and says it without a word of content.

The message of a foreign exception may quote its input (a note, a token, a path), so only its type and its place are
told.
It must not import torch: a wrong flag should fail at once, and torch's errors are known by name.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from loguru import logger
from slm_core.aws import as_leaf
from slm_core.errors import (
    DiskFullError,
    FineTuneSlmError,
    TrainingFailedError,
    TrainingOutOfMemoryError,
)

PACKAGE = Path(__file__).resolve().parent
FULL_DISK = {errno.ENOSPC, errno.EDQUOT}
# torch on the CPU and bitsandbytes raise plain RuntimeErrors for this
MEMORY_PHRASES = ("can't allocate memory", "not enough memory", "out of memory")
FULL_DISK_PHRASES = ("no space left on device", "os error 28")
# torch's writer of archives tells no cause, only that what it wrote did not arrive
LOST_WRITE_PHRASES = ("pytorchstreamwriter failed", "file write failed", "unexpected pos", "iostream error")


def as_known_error(error: BaseException) -> FineTuneSlmError:
    """Return the project's error for any exception; the text of a foreign one is left out."""
    if isinstance(error, FineTuneSlmError):
        return error
    chain = list(_chain(error))
    if any(_is_full_disk(link) for link in chain):
        return DiskFullError(f"The disk is full ({_place(error)})")
    if any(_is_out_of_memory(link) for link in chain):
        return TrainingOutOfMemoryError(f"Memory ran out ({_place(error)})")
    if isinstance(error, ClientError | BotoCoreError):
        return as_leaf(error)
    return TrainingFailedError(f"{type(error).__name__} at {_place(error)}")


def log_failure(error: BaseException) -> None:
    """Log where an exception came from: types, files, lines and functions, never its text or any local value."""
    for frame in traceback.extract_tb(error.__traceback__):
        logger.error("  {}:{} in {}", _short(Path(frame.filename)), frame.lineno, frame.name)
    logger.error("{}", type(error).__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _is_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL_DISK
    if isinstance(error, RuntimeError):
        return _says(error, LOST_WRITE_PHRASES)
    return type(error).__name__ == "SafetensorError" and _says(error, FULL_DISK_PHRASES)


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and _says(error, MEMORY_PHRASES)


def _says(error: BaseException, phrases: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return any(phrase in text for phrase in phrases)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    if not frames:
        return "an unknown place"
    frame = (own or frames)[-1]
    return f"{_short(Path(frame.filename))}:{frame.lineno}"


def _short(path: Path) -> str:
    """Return the last two parts: enough to find the file, nothing of the machine."""
    return "/".join(path.parts[-2:])
