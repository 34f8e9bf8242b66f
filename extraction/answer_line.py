"""One line of `extract`: the seven fields as JSON, on request with their evidence as an eighth key."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import TypeAdapter

from extraction.evidence import Evidence, evidence_of
from extraction.parser import Record, record_of
from extraction.schema import FIELDS

EVIDENCE_KEY = "evidence"
_EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)


@dataclass(frozen=True)
class EvidencedRecord:
    """A record and what in its note supports it."""

    record: Record
    evidence: Evidence


def plain_line(record: Record) -> str:
    """Return the record as one line of JSON."""
    return json.dumps({field: record[field] for field in FIELDS}, ensure_ascii=False)


def evidenced_line(record: Record, note: str) -> str:
    """Return the record and its evidence in the note as one line of JSON."""
    evidence = _EVIDENCE.dump_python(evidence_of(record, note), mode="json")
    return json.dumps({field: record[field] for field in FIELDS} | {EVIDENCE_KEY: evidence}, ensure_ascii=False)


def read_evidenced_line(line: str) -> EvidencedRecord:
    """Return what `evidenced_line` wrote.

    Raises: ValueError when it did not write this.
    """
    loaded = json.loads(line)
    if not isinstance(loaded, dict):
        raise ValueError("an answer is a JSON object")
    return EvidencedRecord(record_of(loaded), _EVIDENCE.validate_python(loaded.get(EVIDENCE_KEY)))
