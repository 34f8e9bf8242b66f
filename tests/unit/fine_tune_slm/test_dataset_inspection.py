"""`dataset check` on whatever a user may call a dataset."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.schema import FIELDS, INSTRUCTION, DatasetRecord
from fine_tune_slm.dataset_inspection import InspectionOptions, inspect
from fine_tune_slm.dataset_inspection_view import inspection_as_json, quantiles
from fine_tune_slm.dataset_review import ReviewRequest, review
from fine_tune_slm.jsonl import MAX_LINE_BYTES
from fine_tune_slm.near_duplicates import SeenNotes

SECRET = "Jane Roe of Springfield"
NOTE = f"Synthetic note about {SECRET}: stage IV melanoma of the arm with brain metastases, BRAF V600E, on ipilimumab."
LABEL = {"cancer_type": "melanoma", "stage": "IV", "metastasis_site": "brain", "gene_mutation": "BRAF V600E"}


def line(note: str = NOTE, **labels: object) -> bytes:
    """Return one record as a line of a file."""
    output = dict.fromkeys(FIELDS) | LABEL | {"treatment": "ipilimumab"} | labels
    return json.dumps({"instruction": INSTRUCTION, "input": note, "output": output}).encode() + b"\n"


def checked(tmp_path: Path, content: bytes, **options: object) -> list[str]:
    """Return what is said about one file of this content."""
    path = tmp_path / "notes.jsonl"
    path.write_bytes(content)
    return [str(finding) for finding in inspect({path.name: path}, InspectionOptions(**options)).findings]


def test_a_sound_record_has_no_finding(tmp_path: Path) -> None:
    assert checked(tmp_path, line()) == []


def archive_of(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.jsonl", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf" + line(), "notes.jsonl:1: the file begins with a byte order mark."),
        (line().replace(b"\n", b"\r\n") * 2, "notes.jsonl:1: lines end in CRLF."),
        (line() + b'{"input": "\xff"}\n', "notes.jsonl:2: no valid UTF-8 (byte 12 of the line)."),
        (
            line() + line()[:90],
            "notes.jsonl:2: the last line is cut off: no valid JSON (Unterminated string starting at column",
        ),
        (line(grade=SECRET), "notes.jsonl:1: output.grade: unknown key."),
        (line(stage=""), "notes.jsonl:1: output.stage: is empty; write null where the note says nothing."),
        (line(stage=["IV"]), 'notes.jsonl:1: output.stage: is a list; join the items with "; ".'),
        (line(stage=" IV"), "notes.jsonl:1: output.stage: begins or ends with white space; strip it."),
        (b"[]\n", "notes.jsonl:1: not a JSON object. Correct or remove this line"),
        (line(stage=4), "notes.jsonl:1: output.stage: is no string; write it in quotation marks."),
        (line(note="\ud800"), "notes.jsonl:1: input: holds half of a surrogate pair"),
        (b'{"input": "a", "input": "b"}\n', "notes.jsonl:1: a key appears twice."),
        (b"[" * 100_000 + b"\n", "notes.jsonl:1: it is nested too deep."),
        (b'{"input": NaN}\n', "notes.jsonl:1: a number that JSON does not have."),
        (b"9" * 5000 + b"\n", "notes.jsonl:1: a number is too long."),
        (line() + b"\n", "notes.jsonl:2: the line is blank."),
        (b"", "notes.jsonl: the file is empty."),
        (gzip.compress(line()), "notes.jsonl: the file is gzip, not JSON lines. Unpack it first"),
        (archive_of(line()), "notes.jsonl: the file is a zip archive, not JSON lines."),
        (pickle.dumps({"input": NOTE}), "notes.jsonl: the file is a pickle, not JSON lines."),
        (pickle.dumps([{"input": NOTE}] * 3, protocol=0), "notes.jsonl: the file is a pickle, not JSON lines."),
        (pickle.dumps([{"input": NOTE}] * 3, protocol=1), "notes.jsonl: the file is a pickle, not JSON lines."),
        (json.dumps(json.loads(line()), indent=2).encode(), "notes.jsonl: the file is JSON spread over several lines,"),
        (json.dumps([json.loads(line())] * 2, indent=2).encode(), "notes.jsonl: the file is a JSON array, not"),
        (json.dumps([json.loads(line())] * 2).encode(), "notes.jsonl: the file is a JSON array, not JSON lines."),
        (line().decode().encode("utf-16-le"), "notes.jsonl: the file is UTF-16 text, not JSON lines. Convert it"),
        (line().decode().encode("utf-16-be"), "notes.jsonl: the file is UTF-16 text, not JSON lines. Convert it"),
        (b"PAR1" + bytes(40), "notes.jsonl: the file is Parquet, not JSON lines."),
        (line().decode().encode("utf-16"), "notes.jsonl: the file is UTF-16 text, not JSON lines."),
    ],
)
def test_bad_input_is_one_line_with_place_and_remedy_and_is_never_quoted(
    tmp_path: Path, content: bytes, said: str
) -> None:
    [finding] = [told for told in checked(tmp_path, content) if "warning" not in told]
    assert finding.startswith(said)
    assert finding.count("\n") == 0
    assert "Jane" not in finding


def test_a_line_of_many_megabytes_is_refused_without_being_kept(tmp_path: Path) -> None:
    content = line() + b'{"input": "' + b"x" * (20 * MAX_LINE_BYTES) + b'"}\n' + b"[]\n"
    path = tmp_path / "notes.jsonl"
    path.write_bytes(content)
    inspect({path.name: path}, InspectionOptions())
    del content
    tracemalloc.start()
    findings = inspect({path.name: path}, InspectionOptions()).findings
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [finding.line for finding in findings] == [2, 3]
    assert peak_bytes < 6 * MAX_LINE_BYTES


def test_a_missing_field_is_a_warning_and_strict_refuses_it(tmp_path: Path) -> None:
    record = json.loads(line())
    del record["output"]["response"]
    content = json.dumps(record).encode() + b"\n"
    [told] = checked(tmp_path, content)
    assert told.startswith("notes.jsonl:1: warning: missing and read as null: response.")
    [refused] = checked(tmp_path, content, is_strict=True)
    assert refused.startswith("notes.jsonl:1: output.response: Field required.")


def test_a_missing_or_another_instruction_is_a_warning_and_strict_refuses_the_missing_one(tmp_path: Path) -> None:
    record = json.loads(line())
    other = json.dumps(record | {"instruction": f"Summarise the visit of {SECRET}."}).encode() + b"\n"
    del record["instruction"]
    record["input"] = "Another note: stage IV melanoma, brain metastases, BRAF V600E, now on ipilimumab since spring."
    content = other + json.dumps(record).encode() + b"\n"
    told = checked(tmp_path, content)
    assert [said.split(";")[0].split(". ")[0] for said in told] == [
        "notes.jsonl: warning: 1 of 2 records have no instruction",
        "notes.jsonl: warning: 1 of 2 records have another instruction than the project's",
    ]
    strict = checked(tmp_path, content, is_strict=True)
    assert any(said.startswith("notes.jsonl:2: instruction: Field required.") for said in strict)
    assert "Jane" not in "".join(told + strict)


def test_an_array_on_one_line_among_others_is_a_fault_of_that_line(tmp_path: Path) -> None:
    [told] = checked(tmp_path, b'[{"input": "x"}]\n' + line())
    assert told.startswith("notes.jsonl:1: not a JSON object.")


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (line("word " * 10_001 + "end"), "the note has more than 50000 characters", "Cut the note"),
        (line(stage="I" * 257), "output.stage: has more than 256 characters", "write its items alone"),
    ],
)
def test_what_is_too_long_to_be_read_is_told_with_its_own_remedy(
    tmp_path: Path, content: bytes, what: str, remedy: str
) -> None:
    [told] = checked(tmp_path, content)
    assert what in told
    assert remedy in told


def test_a_label_without_support_or_against_the_conventions_is_a_warning(tmp_path: Path) -> None:
    told = checked(tmp_path, line(treatment="Keytruda", stage="Stage IV", response="shrank a lot"))
    assert any("output.treatment: 1 of 1 items without support" in finding for finding in told)
    assert any("output.treatment: drugs stand with their generic name" in finding for finding in told)
    assert any("output.stage: the stage stands without the word" in finding for finding in told)
    assert any("output.response: the response is one of nine states" in finding for finding in told)
    assert all("warning" in finding for finding in told)


def test_a_copied_note_is_a_warning_in_its_file_and_an_error_between_files(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in ("train.jsonl", "validation.jsonl")}
    nearly = line(NOTE + " Reviewed.", stage="III")
    paths["train.jsonl"].write_bytes(line() + line() + nearly)
    paths["validation.jsonl"].write_bytes(line())
    told = [str(finding) for finding in inspect(paths, InspectionOptions()).findings]
    assert any(said.startswith("train.jsonl:2: warning: the same note is line 1 of train.jsonl.") for said in told)
    near = "train.jsonl:3: warning: nearly the same note is line 1 of train.jsonl, with other labels."
    assert any(said.startswith(near) for said in told)
    assert any(said.startswith("validation.jsonl:1: the same note is line 1 of train.jsonl.") for said in told)


def test_notes_that_differ_are_no_twins_and_memory_has_an_end() -> None:
    seen = SeenNotes(max_notes=2)
    assert seen.add("a woman with breast cancer and a lump on the left", "x")
    assert seen.add("a man with prostate cancer who has a rising PSA now", "x")
    assert not seen.add("a third note", "x")
    assert seen.is_full
    assert list(seen.twins()) == []


def test_records_that_are_too_long_are_counted_with_the_tokenizer_that_is_there(tmp_path: Path) -> None:
    def count(record: DatasetRecord) -> int:
        return len(record.input.split())

    told = checked(tmp_path, line() + line("Short note: stage IV melanoma."), count_tokens=count, max_tokens=10)
    assert any(said.startswith("notes.jsonl: warning: 1 of 2 records are longer than 10 tokens.") for said in told)


def test_quantiles_of_counted_lengths() -> None:
    from collections import Counter

    assert quantiles(Counter({1: 50, 2: 45, 9: 5})) == {"median": 1, "95 %": 2, "longest": 9}


def test_paths_that_hold_nothing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty, closed = tmp_path / "empty", tmp_path / "closed.jsonl"
    empty.mkdir()
    closed.write_bytes(line())
    opened = Path.open

    def refusing(path: Path, *arguments: object, **options: object) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    inspection = review(ReviewRequest([empty, tmp_path / "absent.jsonl", closed]), lambda _done, _total: None)
    told = sorted(str(finding) for finding in inspection.findings)
    assert [said.split(". ")[0] for said in told] == [
        "absent.jsonl: it cannot be read (No such file or directory)",
        "closed.jsonl: it cannot be read (Permission denied)",
        "empty: the directory has no .jsonl file",
    ]


def test_the_manifest_of_a_directory_is_checked_too(dataset: Path) -> None:
    def told() -> list[str]:
        found = review(ReviewRequest([dataset]), lambda _done, _total: None).findings
        return [finding.what for finding in found if finding.severity == "error"]

    assert told() == []
    (dataset / "train.jsonl").write_bytes(line())
    assert told() == ["its SHA-256 is not the one in the manifest"]


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.lists(st.sampled_from([line(), line()[:40], b"{}\n", b"\r\n", b"\x80\x04"])))
)
def test_no_bytes_whatever_end_in_anything_but_findings(content: bytes | list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "any.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else b"".join(content))
        inspection = inspect({path.name: path}, InspectionOptions())
        told = json.dumps(inspection_as_json(inspection))
    assert inspection.files["any.jsonl"].records or inspection.severities["error"]
    assert "Jane" not in told


def test_a_finding_stays_one_line_whatever_the_file_is_called(tmp_path: Path) -> None:
    path = tmp_path / "two\nlines.jsonl"
    path.write_bytes(b"{\n")
    [finding] = review(ReviewRequest([tmp_path]), lambda _done, _total: None).findings
    assert str(finding).startswith("'two\\nlines.jsonl':1: no valid JSON")
    assert "\n" not in str(finding)


def test_a_manifest_of_many_megabytes_is_refused_unread(dataset: Path) -> None:
    (dataset / "manifest.json").write_bytes(b" " * (MAX_LINE_BYTES + 1))
    told = [str(found) for found in review(ReviewRequest([dataset]), lambda _done, _total: None).findings]
    assert any(said.startswith("manifest.json: it is larger than") for said in told)
