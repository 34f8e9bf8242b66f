"""The committed dataset is exactly what its generator writes, byte for byte, in whatever process it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from casebook.generate import generate

COMMITTED = Path(__file__).parents[2] / "synthetic-instruction-tuning-dataset"


def test_the_committed_dataset_is_what_the_generator_writes(tmp_path: Path) -> None:
    seed = json.loads((COMMITTED / "manifest.json").read_text(encoding="utf-8"))["seed"]
    generate(tmp_path, seed=seed)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    # provenance/ is written beside the files on demand and is too large to be committed
    assert written == {path.name: path.read_bytes() for path in COMMITTED.iterdir() if path.is_file()}


def _generated(directory: Path, hash_seed: str) -> dict[str, bytes]:
    sizes = ["--train", "12", "--validation", "2", "--challenge", "2", "--seed", "11"]
    subprocess.run(
        [sys.executable, "-m", "fine_tune_slm.cli", "dataset", "generate", "--output", str(directory), *sizes],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
    )
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def test_a_seed_gives_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    assert _generated(tmp_path / "one", "1") == _generated(tmp_path / "two", "4242")
