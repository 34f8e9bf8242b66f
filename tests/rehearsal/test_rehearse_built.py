"""`rehearse --built`: the artifacts of `sam build`, under Lambda's Python, with nothing else on their path."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from fine_tune_slm.built import LAMBDA_PYTHON, find_built
from fine_tune_slm.closing import RunResult
from fine_tune_slm.rehearsal import rehearse

PROJECT = Path(__file__).resolve().parents[2]
SAM = PROJECT / ".local" / "venvs" / "sam"
LAMBDA = PROJECT / LAMBDA_PYTHON.parents[1]
PYTHON = "3.13"


@pytest.fixture(scope="module")
def python_of_lambda() -> Path:
    """A Python of the version that the functions run on."""
    found = subprocess.run(
        [PROJECT / "scripts" / "setup" / "find_python.sh", PYTHON], capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.skip(f"no Python {PYTHON} with its venv module on this machine")
    return Path(found.stdout.strip())


@pytest.fixture(scope="module")
def built_project(tiny_project, python_of_lambda, tmp_path_factory) -> Path:
    """The tiny checkout, built by the Makefile's SAM: its tools are installed once, as `make sam` does."""
    tools = [str((directory / "installed").relative_to(PROJECT)) for directory in (SAM, LAMBDA)]
    subprocess.run(["make", "--silent", "-C", PROJECT, *tools], check=True)
    environment = os.environ | {
        "PATH": f"{python_of_lambda.parent}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(tmp_path_factory.mktemp("sam")),  # otherwise it writes into the home directory
    }
    subprocess.run([SAM / "bin" / "sam", "build", "--parallel"], cwd=tiny_project, env=environment, check=True)
    environments = tiny_project / LAMBDA_PYTHON.parents[2]
    environments.mkdir(parents=True)
    (environments / LAMBDA.name).symlink_to(LAMBDA)
    return tiny_project


@pytest.fixture(scope="module")
def result(built_project, request_of) -> RunResult:
    """One whole rehearsal of what was built."""
    return rehearse(request_of(run_name="built", is_built=True), Console(file=io.StringIO()))


def test_what_sam_built_takes_a_run_from_request_to_release(result):
    assert result.timeline.status == "SUCCEEDED", result.card
    assert result.record.hub_revision


def test_the_functions_ran_on_libraries_that_only_lambdas_python_loads(result):
    layers = result.run.directory / "lambda" / "opt"
    compiled = {path.name for path in layers.rglob("_pydantic_core*.so")}
    assert compiled
    assert all("cpython-313" in name for name in compiled)


@pytest.mark.parametrize("module", ["slm_core", "pydantic", "aws_lambda_powertools", "huggingface_hub", "yaml", "pip"])
def test_lambdas_python_has_nothing_that_a_layer_must_bring(built_project, module):
    asked = [find_built(built_project).python, "-I", "-c", f"import {module}"]
    refused = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert f"No module named '{module}'" in refused.stderr
