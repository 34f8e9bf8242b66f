"""Finds the checkout that a command works in: the template, the workflow, the configuration and the code to deploy."""

from __future__ import annotations

from pathlib import Path

from fine_tune_slm.errors import ProjectIncompleteError

MARKS = ("template.yaml", "config/aws_config.yml")


def find_project(start: Path | None = None) -> Path:
    """Return the checkout around a directory, or else the one that this package was installed from.

    Raises: ProjectIncompleteError.
    """
    here = (start or Path.cwd()).resolve()
    for candidate in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if all((candidate / mark).is_file() for mark in MARKS):
            return candidate
    raise ProjectIncompleteError("No checkout of the project was found")
