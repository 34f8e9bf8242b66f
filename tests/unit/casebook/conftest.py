"""One sample of notes for all tests that look at many of them: drawing it takes a few seconds."""

from __future__ import annotations

import pytest

from casebook.generate import Counts, write_notes
from casebook.note import Note


@pytest.fixture(scope="session")
def sample() -> dict[str, list[Note]]:
    return write_notes(7, Counts(train=420, validation=36, challenge=12))
