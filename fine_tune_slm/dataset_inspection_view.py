"""Shows what an inspection found: a line for each finding, then a table of counts; or one JSON document."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from extraction.schema import FIELDS
from fine_tune_slm.dataset_inspection import FileCounts, Inspection
from fine_tune_slm.wording import percent

SHOWN_FINDINGS = 100
_SHARES = (("median", 0.5), ("95 %", 0.95), ("longest", 1.0))


def show_inspection(inspection: Inspection, console: Console) -> None:
    """Print findings and statistics."""
    for finding in inspection.findings[:SHOWN_FINDINGS]:
        console.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    total = sum(inspection.severities.values())
    if total > SHOWN_FINDINGS:
        console.print(f"... and {total - SHOWN_FINDINGS} more", highlight=False)
    if any(counts.records for counts in inspection.files.values()):
        console.print(_table(inspection))
    console.print(_verdict(inspection), highlight=False, soft_wrap=True)


def _table(inspection: Inspection) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("")
    for name in inspection.files:
        table.add_column(name, justify="right", overflow="fold")
    columns = [_rows(counts) for counts in inspection.files.values()]
    for label in columns[0]:
        table.add_row(label, *(column[label] for column in columns))
    return table


def _rows(counts: FileCounts) -> dict[str, str]:
    rows = {"records": str(counts.records)}
    rows["words: median, 95 %, longest"] = _lengths(counts.words)
    rows["tokens: median, 95 %, longest"] = _lengths(counts.tokens)
    rows["cut at max_seq_length"] = percent(counts.cut / counts.records) if counts.tokens else "-"
    rows["items without support"] = percent(counts.ungrounded / counts.items) if counts.items else "-"
    for name in FIELDS:
        rows[f"null {name}"] = percent(counts.nulls[name] / counts.records) if counts.records else "-"
    return rows


def _lengths(histogram: Counter[int]) -> str:
    return ", ".join(str(length) for length in quantiles(histogram).values()) if histogram else "-"


def quantiles(histogram: Counter[int]) -> dict[str, int]:
    """Return median, 95th percentile and maximum of counted lengths."""
    found = {}
    total = histogram.total()
    for name, share in _SHARES:
        left = share * total
        for length in sorted(histogram):
            left -= histogram[length]
            if left <= 0:
                found[name] = length
                break
    return found


def _verdict(inspection: Inspection) -> str:
    errors, warnings = inspection.severities["error"], inspection.severities["warning"]
    twins = f"{inspection.duplicates} exact and {inspection.near_duplicates} near duplicates"
    told = f"{twins}, {inspection.leaks} of them between files. "
    return told + (f"{errors} problem(s), {warnings} warning(s)." if errors or warnings else "No problem found.")


def inspection_as_json(inspection: Inspection) -> dict[str, Any]:
    """Return the inspection for machines."""
    return {
        "files": {name: _counts_as_json(counts) for name, counts in inspection.files.items()},
        "exact_duplicates": inspection.duplicates,
        "near_duplicates": inspection.near_duplicates,
        "duplicates_between_files": inspection.leaks,
        "errors": inspection.severities["error"],
        "warnings": inspection.severities["warning"],
        "findings": [asdict(finding) for finding in inspection.findings],
    }


def _counts_as_json(counts: FileCounts) -> dict[str, Any]:
    return {
        "records": counts.records,
        "words": quantiles(counts.words),
        "tokens": quantiles(counts.tokens),
        "records_cut": counts.cut if counts.tokens else None,
        "items": counts.items,
        "items_without_support": counts.ungrounded,
        "nulls": {name: counts.nulls[name] for name in FIELDS},
    }
