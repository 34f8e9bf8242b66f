from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from fine_tune_slm.errors import NoteUnreadableError
from fine_tune_slm.notes import MAX_BYTES, read_note


def test_a_note_is_read_from_a_file_with_or_without_a_byte_order_mark(tmp_path):
    path = tmp_path / "note.txt"
    path.write_bytes("\ufeffSynthetic: résumé of a stage II carcinoma.\n".encode())
    assert read_note(str(path)) == "Synthetic: résumé of a stage II carcinoma.\n"


def test_a_hyphen_reads_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"A synthetic note.")))
    assert read_note("-") == "A synthetic note."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"note\.txt is empty"),
        (b" \n\t", "is empty"),
        (b"note \xff here", "no valid UTF-8 .byte 6."),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary file"),
        (b"a" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_note_is_refused_without_quoting_it(tmp_path, content, reason):
    path = tmp_path / "note.txt"
    path.write_bytes(content)
    with pytest.raises(NoteUnreadableError, match=reason) as refused:
        read_note(str(path))
    assert "here" not in str(refused.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    for path in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(NoteUnreadableError, match=rf"{path.name} cannot be read"):
            read_note(str(path))
