"""The vocabulary of the task, read from `vocabulary/*.yml`: what the generator writes and the metric understands.

One schema holds for all seven fields, so that a fact is entered once: its canonical code, the label that the dataset
uses and the surface forms that notes use. This file reads and checks; matching text against it is `lexicon.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from extraction.schema import FIELDS, Field

VOCABULARY_DIRECTORY = Path(__file__).with_name("vocabulary")
_CONFIG = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ValueForm(BaseModel):
    """One value that a biomarker can take, such as HER2 3+ or MSI-H."""

    model_config = _CONFIG

    code: str
    label: str
    synonyms: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    """Regular expressions, matched on the normalised text around the marker's name."""
    equals: str | None = None
    """The code of the value that the metric treats as the same, when it is another one."""


class Entry(BaseModel):
    """One concept: a cancer, stage, alteration, biomarker, treatment, response or site."""

    model_config = _CONFIG

    code: str
    label: str
    """How the dataset writes it."""
    synonyms: tuple[str, ...] = ()
    """Other surface forms in notes; case does not matter, a blank also stands for a hyphen."""
    patterns: tuple[str, ...] = ()
    """Regular expressions for what a list of surface forms cannot say; matched on normalised text."""
    cues: tuple[str, ...] = ()
    """Regular expressions that support the concept without naming it (see `grounding.py`)."""
    group: str | None = None
    """The canonical item that the metric compares, when several entries share one; otherwise the code."""
    kind: str | None = None
    """The sort of concept within its field, such as drug, procedure or fusion."""
    drug_class: str | None = None
    organ: str | None = None
    gene: str | None = None
    alteration: str | None = None
    expands: tuple[str, ...] = ()
    """Codes that the label is written out into: TCHP is its four drugs."""
    implies: tuple[str, ...] = ()
    """Codes that add nothing beside this one: FOLFOX already says oxaliplatin."""
    broader: tuple[str, ...] = ()
    """Codes that say the same less exactly; only the taxonomy of mistakes reads them."""
    values: tuple[ValueForm, ...] = ()
    source: str = ""
    """Where the fact comes from or why it stands here; filled from the file's `sources` when the entry has none."""

    @property
    def item(self) -> str:
        """Return the canonical item that the metric compares."""
        return self.group or self.code

    @property
    def surface_forms(self) -> tuple[str, ...]:
        """Return label and synonyms, without repeats, the label first."""
        return tuple(dict.fromkeys((self.label, *self.synonyms)))


class VocabularyFile(BaseModel):
    """One data file: the entries of one field and what they rest on."""

    model_config = _CONFIG

    field: Field
    source: str
    sources: dict[str, str] = {}
    """Sources by drug class or kind of entry."""
    entries: tuple[Entry, ...]

    def sourced_entries(self) -> tuple[Entry, ...]:
        """Return the entries, each with its source: its own, that of its class or kind, or that of the file."""
        return tuple(
            entry.model_copy(update={"source": entry.source or self._source_of(entry)}) for entry in self.entries
        )

    def _source_of(self, entry: Entry) -> str:
        return next((self.sources[key] for key in (entry.drug_class, entry.kind) if key in self.sources), self.source)

    @model_validator(mode="after")
    def _sources_are_of_this_file(self) -> VocabularyFile:
        if unused := set(self.sources) - {key for entry in self.entries for key in (entry.drug_class, entry.kind)}:
            raise ValueError(f"{self.field}: sources of no entry: {', '.join(sorted(unused))}")
        return self

    @model_validator(mode="after")
    def _patterns_compile(self) -> VocabularyFile:
        for entry in self.entries:
            of_values = (pattern for value in entry.values for pattern in value.patterns)
            for pattern in (*entry.patterns, *entry.cues, *of_values):
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise ValueError(f"{entry.code}: pattern {pattern!r} does not compile: {error}") from error
        return self


class Vocabulary(BaseModel):
    """All entries of one field, in the order of their files."""

    model_config = _CONFIG

    field: Field
    entries: tuple[Entry, ...]

    def __iter__(self) -> Iterator[Entry]:  # type: ignore[override]
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, code: str) -> Entry:
        """Return the entry with this code.

        Raises: KeyError when there is none.
        """
        return _by_code(self.field)[code]

    def get(self, code: str) -> Entry | None:
        """Return the entry with this code, or None."""
        return _by_code(self.field).get(code)

    def __contains__(self, code: object) -> bool:
        return code in _by_code(self.field)

    @model_validator(mode="after")
    def _codes_are_unique_and_known(self) -> Vocabulary:
        codes = [entry.code for entry in self.entries]
        if repeated := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"{self.field}: codes appear twice: {', '.join(repeated)}")
        named = {code for entry in self.entries for code in (*entry.expands, *entry.implies, *entry.broader)}
        if unknown := sorted(named - set(codes)):
            raise ValueError(f"{self.field}: unknown codes in expands, implies or broader: {', '.join(unknown)}")
        return self


@cache
def vocabulary(field: Field) -> Vocabulary:
    """Return the checked vocabulary of one field; the files are read once per process.

    Raises: ValidationError when a file breaks the schema.
    """
    files = [file for file in _files() if file.field == field]
    return Vocabulary(field=field, entries=tuple(entry for file in files for entry in file.sourced_entries()))


@cache
def _files() -> tuple[VocabularyFile, ...]:
    paths = sorted(VOCABULARY_DIRECTORY.glob("*.yml"))
    files = tuple(_read(path) for path in paths)
    if missing := set(FIELDS) - {file.field for file in files}:
        raise ValueError(f"no vocabulary file for {', '.join(sorted(missing))} in {VOCABULARY_DIRECTORY.name}/")
    return files


def _read(path: Path) -> VocabularyFile:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader reads the files ten times faster
    return VocabularyFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))  # noqa: S506


@cache
def _by_code(field: Field) -> dict[str, Entry]:
    return {entry.code: entry for entry in vocabulary(field).entries}
