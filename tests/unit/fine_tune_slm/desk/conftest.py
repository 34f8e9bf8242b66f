"""The command line as a function, beside a stack in moto."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from fine_tune_slm import cli
from tests.unit.emulated_stack import stack

__all__ = ["stack"]


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """A function that runs a command line and returns its exit code."""

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["fine-tune-slm", *arguments])
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run
