"""Makes the documents' pictures from a real kept run: `make pictures`, after `make demo`.

python -m scripts.pictures [--run RUN] [--root .local] [--output docs/pictures]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from slm_core.errors import FineTuneSlmError

from fine_tune_slm.closing import ended_run, write_run_report
from fine_tune_slm.kept_runs import KeptRuns
from scripts.browser import find_browser, headless_browser

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1000, 1500
"""The verdict, the scores and the gate: what fits into a README."""


def main() -> int:
    """Write the pictures and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="latest", help="run id; by default the newest run with an archive")
    parser.add_argument("--root", type=Path, default=ROOT / ".local", help="where runs are kept")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures")
    arguments = parser.parse_args()
    executable = find_browser()
    if executable is None:
        sys.stderr.write("no Chromium or Chrome on PATH: apt-get install chromium\n")
        return 1
    try:
        result = ended_run(KeptRuns(arguments.root).find(arguments.run))
    except FineTuneSlmError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with tempfile.TemporaryDirectory() as scratch, headless_browser(executable) as browser:
        report = write_run_report(result, Path(scratch, "report.html"))
        with browser.open(report, width=WIDTH) as opened:
            opened.picture(arguments.output / "report.png", height=HEIGHT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
