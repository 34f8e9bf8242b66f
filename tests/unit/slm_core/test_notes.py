"""What `extract` reads: files are looked through beforehand, standard input as it comes."""

import io
import json

import pytest
from slm_core.errors import NotesInvalidError
from slm_core.notes import Notes


def lines_of(*values):
    return "".join(json.dumps(value) + "\n" for value in values)


@pytest.fixture
def stdin(monkeypatch):
    def give(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return give


def test_text_files_and_json_lines_are_read_in_the_order_given(tmp_path):
    (tmp_path / "one.txt").write_text("A note.\nOf two lines.\n")
    (tmp_path / "more.jsonl").write_text(lines_of("second", {"input": "third", "output": None}))
    notes = Notes([str(tmp_path / "one.txt"), str(tmp_path / "more.jsonl")], is_jsonl=False)
    assert notes.check() == 3
    assert list(notes) == ["A note.\nOf two lines.\n", "second", "third"]


def test_every_bad_line_of_a_file_is_named_before_any_work(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(lines_of("fine", "", 7, {"note": "PRIVATE"}, "fine") + "PRIVATE\n")
    with pytest.raises(NotesInvalidError, match=r"notes\.txt at line 2, 3, 4, 6") as caught:
        Notes([str(path)], is_jsonl=True).check()
    assert "PRIVATE" not in str(caught.value)


def test_a_bad_line_of_standard_input_comes_after_the_notes_before_it(stdin):
    stdin(lines_of("first", "second") + "{\n" + lines_of("fourth"))
    notes = Notes(["-"], is_jsonl=True)
    assert notes.check() is None
    read = iter(notes)
    assert [next(read), next(read)] == ["first", "second"]
    with pytest.raises(NotesInvalidError, match="standard input at line 3"):
        next(read)


def test_line_breaks_stay_as_they_are_and_a_byte_order_mark_is_no_part_of_a_note(tmp_path):
    (tmp_path / "note.txt").write_bytes("\ufeffone\r\ntwo\rthree".encode())
    (tmp_path / "notes.jsonl").write_bytes(b"\xef\xbb\xbf" + lines_of("first", "a\r\nb").replace("\n", "\r\n").encode())
    notes = Notes([str(tmp_path / "note.txt"), str(tmp_path / "notes.jsonl")], is_jsonl=False)
    assert notes.check() == 3
    assert list(notes) == ["one\r\ntwo\rthree", "first", "a\r\nb"]


def test_half_of_a_surrogate_pair_is_no_note(tmp_path):
    (tmp_path / "notes.jsonl").write_text('"fine \\ud83d\\ude00"\n"broken \\ud83d"\n')
    with pytest.raises(NotesInvalidError, match="line 2"):
        Notes([str(tmp_path / "notes.jsonl")], is_jsonl=False).check()


def test_a_bad_byte_of_standard_input_is_told_by_its_line(monkeypatch):
    content = io.BytesIO(lines_of("first").encode() + b'"na\xefve"\n')
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content, encoding="utf-8"))
    with pytest.raises(NotesInvalidError, match="standard input at line 2"):
        list(Notes(["-"], is_jsonl=True))


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_empty_text_is_no_note(stdin, text):
    stdin(text)
    with pytest.raises(NotesInvalidError, match="standard input"):
        list(Notes(["-"], is_jsonl=False))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jsonl", b"", r"empty\.jsonl: it is empty"),
        ("latin.txt", b"PRIVATE na\xefve", r"latin\.txt is no UTF-8 text"),
        ("latin.jsonl", b'"PRIVATE"\n"na\xefve"\n', r"latin\.jsonl at line 2"),
        ("absent.txt", None, r"absent\.txt cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_never_quoted(name, content, words, tmp_path):
    (tmp_path / "fine.txt").write_text("A note.")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(NotesInvalidError, match=words) as caught:
        Notes([str(tmp_path / "fine.txt"), str(tmp_path / name)], is_jsonl=False).check()
    assert "PRIVATE" not in str(caught.value)
