"""The committed dataset is exactly what its generator writes, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

from casebook.generate import generate

COMMITTED = Path(__file__).parents[2] / "synthetic-instruction-tuning-dataset"


def test_the_committed_dataset_is_what_the_generator_writes(tmp_path: Path) -> None:
    seed = json.loads((COMMITTED / "manifest.json").read_text(encoding="utf-8"))["seed"]
    generate(tmp_path, seed=seed)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in COMMITTED.iterdir()}
