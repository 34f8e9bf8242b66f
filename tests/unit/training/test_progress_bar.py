"""The progress bar shows itself to a terminal only."""

import io

import pytest

from training.progress_bar import ProgressBar


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self):
        return True


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_a_terminal_sees_every_note_and_a_file_none(kind, monkeypatch):
    stderr = kind()
    monkeypatch.setattr("sys.stderr", stderr)
    with ProgressBar(2) as bar:
        bar.update()
        bar.update()
    shown = stderr.getvalue()
    assert ("1/2 notes" in shown, "2/2 notes" in shown, shown.endswith("\n")) == (stderr.isatty(),) * 3


def test_without_a_total_it_counts():
    bar = ProgressBar(None)
    bar.update()
    assert bar.text().startswith("1 notes")
