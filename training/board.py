"""TensorBoard's event files of a run: written by the Trainer on the volume, kept in the archive.

Numbers alone: the Trainer would also write its settings, and paths of the machine with them.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from transformers.integrations import TensorBoardCallback

REPORTER = "tensorboard"
ARCHIVE_DIRECTORY = "tensorboard"


class NumbersWriter(SummaryWriter):
    """A writer of scalars."""

    def add_text(self, *_arguments: Any, **_options: Any) -> None:
        """Write nothing: texts are settings and paths."""


def board_callback(directory: Path, done_steps: int) -> TensorBoardCallback:
    """Return a callback that goes on after so many steps; what a killed launch wrote beyond them is hidden."""
    return TensorBoardCallback(NumbersWriter(str(directory), purge_step=done_steps + 1))


def archive_board(directory: Path, archive: Path) -> None:
    """Copy the event files of all launches in their order, under names without the host's."""
    for number, path in enumerate(sorted(directory.glob("events.out.tfevents.*")), start=1):
        target = archive / ARCHIVE_DIRECTORY / f"events.out.tfevents.{number:04d}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
