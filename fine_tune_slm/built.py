"""What `make sam` made of a checkout: the template with its artifacts, and a Python as Lambda has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fine_tune_slm.errors import BuildMissingError, BuildStaleError

BUILT_TEMPLATE = Path(".aws-sam/build/template.yaml")
LAMBDA_PYTHON = Path(".local/venvs/lambda/bin/python")
_SOURCES = ("template.yaml", "lambdas", "core", "layers")


@dataclass(frozen=True)
class Built:
    """The built template, and a Python with Lambda's runtime client and boto3 and nothing else."""

    template: Path
    python: Path


def find_built(project: Path) -> Built:
    """Return what was built of a checkout, newer than everything that it was built of.

    Raises: BuildMissingError, BuildStaleError.
    """
    project = project.absolute()
    built = Built(project / BUILT_TEMPLATE, project / LAMBDA_PYTHON)
    for path in (built.template, built.python):
        if not path.exists():
            raise BuildMissingError(f"There is no {path.relative_to(project)}")
    built_at = built.template.stat().st_mtime
    for source in _source_files(project):
        if source.stat().st_mtime > built_at:
            raise BuildStaleError(f"{source.relative_to(project)} changed after the build")
    return built


def _source_files(project: Path) -> Iterator[Path]:
    for name in _SOURCES:
        top = project / name
        found = top.rglob("*") if top.is_dir() else [top]
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)
