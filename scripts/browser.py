"""A headless Chromium that opens pages of ours and tells what is wrong with them; for tests and for docs/pictures.

The browser is the machine's own: nothing is downloaded. It has an empty profile, and no name resolves but localhost.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
GRAVE = {"serious", "critical"}
TALL = 900
PATIENCE_MILLISECONDS = 240_000
"""A long page without a graphics card, beside busy neighbours."""

Scheme = Literal["light", "dark"]


@dataclass
class Opened:
    """A page as the browser shows it, and what it has complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and exceptions."""
    requests: list[str] = field(default_factory=list)
    """What the page asked for, itself included."""

    def findings(self) -> list[str]:
        """Return axe-core's serious and critical findings, with the elements that they are about."""
        violations: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        return [
            f"{one['impact']} {one['id']}: {[node['target'] for node in one['nodes']]}"
            for one in violations
            if one["impact"] in GRAVE
        ]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        wider = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return int(wider)

    def picture(self, path: Path, *, height: int | None = None) -> None:
        """Write a PNG of the whole page, or of so many pixels from its top."""
        path.parent.mkdir(parents=True, exist_ok=True)
        width = self.page.evaluate("document.documentElement.clientWidth")
        clip: FloatRect | None = {"x": 0, "y": 0, "width": width, "height": height} if height else None
        self.page.screenshot(path=path, full_page=True, clip=clip)


@dataclass(frozen=True)
class HeadlessBrowser:
    """A running browser."""

    browser: Browser

    @contextmanager
    def open(self, page: Path | str, *, width: int = 1280, scheme: Scheme = "light") -> Iterator[Opened]:
        """Give a file, or what a URL on loopback serves, in a window of so many pixels."""
        address = page if isinstance(page, str) else page.resolve().as_uri()
        context = self.browser.new_context(viewport={"width": width, "height": TALL}, color_scheme=scheme)
        try:
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            opened = Opened(context.new_page())
            opened.page.on("console", lambda message: _note(opened.complaints, message.type, message.text))
            opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
            opened.page.on("request", lambda request: opened.requests.append(request.url))
            opened.page.goto(address)
            yield opened
        finally:
            context.close()


def find_browser() -> str | None:
    """Return the path of this machine's Chromium or Chrome, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def headless_browser(executable: str) -> Iterator[HeadlessBrowser]:
    """Give a browser that ends with the block."""
    with sync_playwright() as playwright:
        # root has no sandbox in Chromium; everybody else keeps it
        browser = playwright.chromium.launch(
            executable_path=executable, args=list(QUIET), chromium_sandbox=os.geteuid() != 0
        )
        try:
            yield HeadlessBrowser(browser)
        finally:
            browser.close()


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind in {"error", "warning"}:
        complaints.append(f"{kind}: {text}")
