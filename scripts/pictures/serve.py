"""The picture of the page of `fine-tune-slm serve`, with the README's note, read by a real model."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.browser import HeadlessBrowser

WIDTH = 1100
MARGIN = 24
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")
NOTE = (
    "Synthetic note. 64-year-old woman with stage IV lung adenocarcinoma, EGFR L858R on tissue NGS, ALK negative. "
    "PD-L1 TPS 20%.\nMRI brain shows two metastases; liver lesions on CT. Started osimertinib in March; restaging scan "
    "shows partial response.\nHer sister had breast cancer."
)


class NotServedError(Exception):
    """The server did not start; it has said why."""


def serve_picture(browser: HeadlessBrowser, run: str, root: Path, picture: Path) -> None:
    """Write the picture of the page after it has read the note.

    Raises: NotServedError.
    """
    with served(run, root) as address, browser.open(address, width=WIDTH) as opened:
        opened.page.get_by_label("Clinical note").fill(NOTE)
        opened.page.get_by_role("button").click()
        answer = opened.page.locator(".answer").bounding_box()
        opened.picture(picture, height=round(answer["y"] + answer["height"]) + MARGIN if answer else None)


@contextmanager
def served(run: str, root: Path) -> Iterator[str]:
    """Give the address of the page while the block lasts.

    Raises: NotServedError.
    """
    command = [sys.executable, "-m", "fine_tune_slm.cli", "serve", "--run", run, "--root", str(root), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = ADDRESS.search(process.stdout.readline() if process.stdout else "")
            if found is None:
                raise NotServedError(f"the page of run {run} was not served")
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
