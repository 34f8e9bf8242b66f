"""A headless browser for the tests of pages. Where there is none they are skipped, with the reason; in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.browser import HeadlessBrowser, find_browser, headless_browser

PICTURES = Path(__file__).parents[2] / ".local" / "pictures"
"""What the pages look like, kept there for whoever wants to see them."""


@pytest.fixture(scope="session")
def browser() -> Iterator[HeadlessBrowser]:
    """One browser for all tests; every page has a profile of its own."""
    executable = find_browser()
    if executable is None:
        say_that_it_is_missing()
    with headless_browser(executable) as running:
        yield running


def say_that_it_is_missing() -> None:
    reason = "no Chromium or Chrome on PATH: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where pictures are kept."""
    return PICTURES
