"""report.html's picture: the verdict, the scores and the gate, which is what fits into a README."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fine_tune_slm.closing import ended_run, write_run_report
from fine_tune_slm.kept_runs import KeptRuns
from scripts.browser import HeadlessBrowser

WIDTH, HEIGHT = 1000, 1500


def report_picture(browser: HeadlessBrowser, run: str, root: Path, picture: Path) -> None:
    """Write the picture of a run's report.

    Raises: FineTuneSlmError when there is no such run.
    """
    result = ended_run(KeptRuns(root).find_model(run))
    with tempfile.TemporaryDirectory() as scratch:
        report = write_run_report(result, Path(scratch, "report.html"))
        with browser.open(report, width=WIDTH) as opened:
            opened.picture(picture, height=HEIGHT)
