"""Makes the documents' pictures from a real kept run: `make pictures`, after `make demo`.

python -m scripts.pictures [--run RUN] [--root .local] [--output docs/pictures]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from slm_core.errors import FineTuneSlmError

from scripts.browser import find_browser, headless_browser
from scripts.pictures.report import report_picture
from scripts.pictures.serve import NotServedError, serve_picture

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Write the pictures and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="latest", help="run id; by default the newest run that has made a model")
    parser.add_argument("--root", type=Path, default=ROOT / ".local", help="where runs are kept")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures")
    arguments = parser.parse_args()
    executable = find_browser()
    if executable is None:
        sys.stderr.write("no Chromium or Chrome on PATH: apt-get install chromium\n")
        return 1
    with headless_browser(executable) as browser:
        try:
            report_picture(browser, arguments.run, arguments.root, arguments.output / "report.png")
            serve_picture(browser, arguments.run, arguments.root, arguments.output / "serve.png")
        except (FineTuneSlmError, NotServedError) as error:
            sys.stderr.write(f"{error}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
