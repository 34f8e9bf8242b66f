"""Reads the lines of a JSONL file that may be anything: bounded in memory, and never quoting what it finds.

A line is read into a buffer of one megabyte at most; the rest of a longer one is skipped in pieces. Everything that is
wrong with a file or a line becomes a `Finding` with the remedy beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

MAX_LINE_BYTES = 1 << 20
_LONGEST_INTEGER_DIGITS = 100
_PIECE_BYTES = 1 << 20
_PICKLES = (
    *(bytes([0x80, version]) for version in range(2, 6)),
    *(b"(lp0", b"(lp1", b"(dp0", b"(dp1", b"ccopy_reg", b"]q", b"}q"),
)
_FORMATS = {
    b"\x1f\x8b": ("gzip", "Unpack it first: gunzip"),
    b"PK\x03\x04": ("a zip archive", "Unpack it first: unzip"),
    b"PAR1": ("Parquet", "Export it as JSON lines"),
    b"\x28\xb5\x2f\xfd": ("zstandard", "Unpack it first: unzstd"),
    b"BZh": ("bzip2", "Unpack it first: bunzip2"),
    b"\xfd7zXZ\x00": ("xz", "Unpack it first: unxz"),
    b"\xff\xfe": ("UTF-16 text", "Convert it: iconv -f UTF-16 -t UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "Convert it: iconv -f UTF-16 -t UTF-8"),
    **dict.fromkeys(_PICKLES, ("a pickle", "Export it as JSON lines; do not unpickle it")),
}
_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 4096
_ARRAY = re.compile(rb"\s*\[\s*\{")
_OBJECT_OVER_LINES = re.compile(rb"\s*\{[ \t\r]*\n\s*\"")
_BLANK = b" \t\r\n"

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or doubtful, where it is, and what to do about it; never the note's text."""

    file: str
    line: int | None
    what: str
    remedy: str
    severity: Severity = "error"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        kind = "" if self.severity == "error" else "warning: "
        return f"{place}: {kind}{self.what}. {self.remedy}"


@dataclass(frozen=True)
class Line:
    """One line as bytes, without its line break; `is_ended` is False for a last line that lacks one."""

    number: int
    content: bytes
    is_ended: bool


def read_lines(path: Path, name: str | None = None) -> Iterator[Line | Finding]:
    """Yield the lines of a file, and a finding for everything that keeps a line or the file from being read."""
    name = name or path.name
    try:
        with path.open("rb") as stream:
            yield from _lines(stream, name)
    except OSError as error:
        yield Finding(name, None, f"it cannot be read ({error.strerror})", "Check the path and its permissions")


def _lines(stream: BinaryIO, name: str) -> Iterator[Line | Finding]:
    if stopper := _what_it_is_instead(stream.read(_HEAD_BYTES), name):
        yield stopper
        return
    stream.seek(0)
    has_told_crlf, number = False, 0
    while piece := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(piece) > MAX_LINE_BYTES and not piece.endswith(b"\n"):
            _skip_line(stream)
            yield Finding(name, number, f"the line is longer than {MAX_LINE_BYTES} bytes", "One record is one line")
            continue
        if number == 1 and piece.startswith(_BOM):
            piece = piece[len(_BOM) :]
            yield Finding(name, 1, "the file begins with a byte order mark", "Save it as UTF-8 without BOM")
        if piece.endswith(b"\r\n") and not has_told_crlf:
            has_told_crlf = True
            yield Finding(name, number, "lines end in CRLF", "End them in LF alone, for instance with: dos2unix")
        yield Line(number, piece.rstrip(b"\r\n"), piece.endswith(b"\n"))
    if not number:
        yield Finding(name, None, "the file is empty", "Write at least one record")


def _what_it_is_instead(head: bytes, name: str) -> Finding | None:
    signed = (told for signature, told in _FORMATS.items() if head.startswith(signature))
    told = next(signed, None) or _unmarked_utf16(head[:8]) or _one_document(head.removeprefix(_BOM))
    return told and Finding(name, None, f"the file is {told[0]}, not JSON lines", told[1])


def _unmarked_utf16(head: bytes) -> tuple[str, str] | None:
    """Return what to say of text whose every other byte is zero, as JSON in UTF-16 begins."""
    for order, zeros, letters in (("LE", head[1::2], head[::2]), ("BE", head[::2], head[1::2])):
        if len(head) >= 4 and not any(zeros) and all(letters):
            return "UTF-16 text", f"Convert it: iconv -f UTF-16{order} -t UTF-8"
    return None


def _one_document(head: bytes) -> tuple[str, str] | None:
    """Return what to say of one JSON value that is the whole file; an array among other lines is no such file."""
    first, _, rest = head.partition(b"\n")
    if _ARRAY.match(head) and not (first.rstrip().endswith(b"]") and rest.strip()):
        return "a JSON array", "Write one record on each line, for instance with: jq -c '.[]'"
    if _OBJECT_OVER_LINES.match(head):
        return "JSON spread over several lines", "Write one record on each line, for instance with: jq -c ."
    return None


def _skip_line(stream: BinaryIO) -> None:
    while (piece := stream.readline(_PIECE_BYTES)) and not piece.endswith(b"\n"):
        pass


def parse_json(line: bytes) -> Any:
    """Return the value of one line.

    Raises: ValueError, with a message that has no piece of the line in it.
    """
    if not line.strip(_BLANK):
        raise ValueError("the line is blank")
    try:
        return json.loads(
            line.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant, parse_int=_integer
        )
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"no valid UTF-8 (byte {error.start + 1} of the line)") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"no valid JSON ({error.msg.removesuffix(' at')} at column {error.colno})") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key appears twice")
    return dict(pairs)


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER_DIGITS:
        raise ValueError("a number is too long")
    return int(digits)


def _refuse_constant(_name: str) -> None:
    raise ValueError("a number that JSON does not have")
