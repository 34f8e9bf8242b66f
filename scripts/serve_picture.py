"""Makes docs/pictures/serve.png: the page of `fine-tune-slm serve` with the README's note, read by a real model.

python -m scripts.serve_picture [--run RUN] [--root .local] [--output docs/pictures]
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.browser import find_browser, headless_browser

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 1100
MARGIN = 24
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")
NOTE = (
    "Synthetic note. 64-year-old woman with stage IV lung adenocarcinoma, EGFR L858R on tissue NGS, ALK negative. "
    "PD-L1 TPS 20%.\nMRI brain shows two metastases; liver lesions on CT. Started osimertinib in March; restaging scan "
    "shows partial response.\nHer sister had breast cancer."
)


def main() -> int:
    """Write the picture and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="latest", help="run id; by default the newest run with an archive")
    parser.add_argument("--root", type=Path, default=ROOT / ".local", help="where runs are kept")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures")
    arguments = parser.parse_args()
    executable = find_browser()
    if executable is None:
        sys.stderr.write("no Chromium or Chrome on PATH: apt-get install chromium\n")
        return 1
    with served(arguments.run, arguments.root) as address:
        if address is None:
            return 2
        with headless_browser(executable) as browser, browser.open(address, width=WIDTH) as opened:
            opened.page.get_by_label("Clinical note").fill(NOTE)
            opened.page.get_by_role("button").click()
            answer = opened.page.locator(".answer").bounding_box()
            height = round(answer["y"] + answer["height"]) + MARGIN if answer else None
            opened.picture(arguments.output / "serve.png", height=height)
    return 0


@contextmanager
def served(run: str, root: Path) -> Iterator[str | None]:
    """Give the address of the page while the block lasts; None when the server said why it does not start."""
    command = [sys.executable, "-m", "fine_tune_slm.cli", "serve", "--run", run, "--root", str(root), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        found = ADDRESS.search(process.stdout.readline() if process.stdout else "")
        try:
            yield found[0] if found else None
        finally:
            process.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
