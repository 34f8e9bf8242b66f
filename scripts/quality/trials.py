"""Runs trials as processes, keeps each result under a digest of all it depends on, and never runs one twice."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).parents[2]
MODEL = ROOT / ".local" / "models" / "SmolLM2-135M-Instruct"
DATASET = ROOT / "synthetic-instruction-tuning-dataset"
CONFIG = ROOT / "config" / "training_config.local.yml"
HELD_BACK_RECORDS = 256
KEPT = ROOT / ".local" / "quality"


class Request(BaseModel):
    """What a trial is asked to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    overrides: dict[str, Any] = {}
    """Of the local configuration's `training` section; samples 0 measures the untuned model."""
    measured_on: Literal["held-back", "validation"] = "held-back"
    """A slice of train that no trial trains on, or the validation file."""
    records: int | None = None
    """How many of those; None takes all."""
    answers: bool = False
    """Let the model answer the notes and score the answers; otherwise only its loss on the right answers."""
    adapter: str | None = None
    """The directory below .local that the adapter is kept in; one that is there is measured, not trained again."""


def results_of(requests: Mapping[str, Request], jobs: int) -> dict[str, dict[str, Any]]:
    """Return every request's result by name; `jobs` at a time, each with its share of the cores.

    A killed sweep loses the trials under way and nothing else: results are kept in .local/quality.
    """
    threads = max(1, (os.cpu_count() or 1) // jobs)
    # the longest first, so that nobody waits for it alone
    longest_first = sorted(requests, key=lambda name: -requests[name].overrides.get("samples", 0))
    with ThreadPoolExecutor(jobs) as pool:
        found = dict(
            zip(
                longest_first,
                pool.map(lambda name: _result_of(name, requests[name], threads), longest_first),
                strict=True,
            )
        )
    return {name: found[name] for name in requests}


def cpu_hours(results: Mapping[str, Mapping[str, Any]]) -> float:
    """Return what training and measuring took together; a trial that was killed and resumed counts whole."""
    seconds = 0.0
    for one in results.values():
        training = one.get("training", {"cpu_seconds_per_sample": 0.0, "samples": 0})
        seconds += training["cpu_seconds_per_sample"] * training["samples"] + one["evaluation_cpu_seconds"]
    return seconds / 3600


def write_page(name: str, report: Mapping[str, Any], page: str) -> None:
    """Write the raw figures and their page, and print the page."""
    measured = ROOT / "docs" / "measured"
    (measured / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (measured / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)


def _result_of(name: str, request: Request, threads: int) -> dict[str, Any]:
    kept = KEPT / f"{_digest(request)}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    print(f"{name}: {request.overrides}", file=sys.stderr, flush=True)
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "GOMP_SPINCOUNT": "0",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "scripts.quality.trial", request.model_dump_json()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        sys.exit(f"{name} failed: {ran.stderr.decode()[-2000:]}")
    KEPT.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(ran.stdout)
    return dict(json.loads(ran.stdout))


def _digest(request: Request) -> str:
    """Return the digest of the request, the configuration and the dataset; the code is the caller's to keep."""
    parts = (request.model_dump_json().encode(), CONFIG.read_bytes(), (DATASET / "manifest.json").read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]
