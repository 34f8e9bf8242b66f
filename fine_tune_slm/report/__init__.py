"""report.html of a run: one self-contained file, verdict first, made again at any time from what is kept of the run."""
