"""The seven-field record, the dataset line that carries it and the answer string that a model learns to write.

This file exists so that the generator, the training code and the metric share one spelling of the record.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints

INSTRUCTION = "Extract all cancer-related entities from the text."

Field: TypeAlias = Literal[
    "cancer_type", "stage", "gene_mutation", "biomarker", "treatment", "response", "metastasis_site"
]
FIELDS: tuple[Field, ...] = get_args(Field)

# The dataset's longest value has 221. A bound lets every constrained answer come to its end.
LONGEST_VALUE_CHARACTERS = 256

_TRIMMED = r"^\S((?s:.)*\S)?$"
Text = Annotated[str, StringConstraints(strict=True, min_length=1, pattern=_TRIMMED)]
Value = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_VALUE_CHARACTERS, pattern=_TRIMMED)
]


class ExtractionRecord(BaseModel):
    """What a note says about one patient's cancer; None where the note says nothing.

    Several items of one field are separated by "; ". The order of the fields is the order of the answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    cancer_type: Value | None
    stage: Value | None
    gene_mutation: Value | None
    biomarker: Value | None
    treatment: Value | None
    response: Value | None
    metastasis_site: Value | None

    def answer(self) -> str:
        """Return the record as the model should write it: compact JSON, fields in order, characters unescaped."""
        return json.dumps(self.model_dump(), ensure_ascii=False, separators=(",", ":"))


class DatasetRecord(BaseModel):
    """One line of a dataset file: the instruction, the note and the record that it should yield."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    instruction: Text = INSTRUCTION
    input: Text
    output: ExtractionRecord

    def json_line(self) -> str:
        """Return the record as one line of a JSONL file, without its line break."""
        return json.dumps(self.model_dump(), ensure_ascii=False)
