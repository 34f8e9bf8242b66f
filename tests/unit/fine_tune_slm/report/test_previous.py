"""Which release a run is compared with, and when the comparison is paired."""

from __future__ import annotations

import pytest
from slm_core.layout import OUTCOMES_NAME, RunKeys
from slm_core.records import Release, ReleaseHistory

from extraction.comparison import compare_counts
from fine_tune_slm.pairing import NO_COUNTS, OTHER_NOTES
from fine_tune_slm.report.previous import previous_release, published_before
from tests.made_up_runs import VALIDATION_SHA256, MadeUpRun, counts_of, keep, seal


def release(run_id, *, is_withdrawn=False):
    return Release(
        run_id=run_id, revision="b" * 40, macro_f1=0.8, samples=32, validation_sha256=VALIDATION_SHA256,
        published_at="2030-01-01T00:00:00Z", is_withdrawn=is_withdrawn,
    )  # fmt: skip


def held(*releases, run_id="now"):
    found = published_before(ReleaseHistory(repo_id="a/b", releases=releases), run_id)
    return found.run_id if found else None


def test_what_main_held_is_the_release_before_the_runs_own():
    assert held(release("first"), release("second"), release("now"), release("later")) == "second"
    assert held(release("first"), release("withdrawn", is_withdrawn=True), release("now")) == "first"
    assert held(release("now"), release("later")) is None


def test_a_run_that_released_nothing_was_held_against_the_newest_release():
    assert held(release("first"), release("second")) == "second"
    assert held() is None


@pytest.fixture
def root(tmp_path):
    return tmp_path


def previous_of(root, made_up, published=None):
    kept = keep(root, made_up)
    return previous_release(kept, kept.read_record(), published)


def test_without_a_release_in_the_account_the_newest_earlier_one_on_this_machine_counts(root):
    keep(root, MadeUpRun(run_id="oldest", day=0, skill=0.3))
    keep(root, MadeUpRun(run_id="before", day=1, skill=0.5))
    keep(root, MadeUpRun(run_id="rejected", day=2, status="rejected"))
    keep(root, MadeUpRun(run_id="later", day=4))
    previous = previous_of(root, MadeUpRun(run_id="now", day=3))
    assert previous.run_id == "before"
    expected = compare_counts(counts_of(32, 0.7), counts_of(32, 0.5))
    assert previous.gain.macro_f1.difference == expected.macro_f1.difference
    assert previous.gain.macro_f1.interval.low == expected.macro_f1.interval.low


def test_the_release_that_the_gate_saw_goes_first(root):
    keep(root, MadeUpRun(run_id="seen", day=0, skill=0.3))
    keep(root, MadeUpRun(run_id="newer", day=1, skill=0.5))
    assert previous_of(root, MadeUpRun(run_id="now", day=3), release("seen")).run_id == "seen"


def test_scores_on_other_notes_are_shown_and_not_compared(root):
    keep(root, MadeUpRun(run_id="before", notes=16))
    previous = previous_of(root, MadeUpRun(run_id="now", day=1))
    assert (previous.gain, previous.why_not_paired) == (None, OTHER_NOTES)
    assert previous.metrics.after.samples == 16


def test_an_archive_without_the_counts_of_its_notes_is_not_compared(root):
    before = keep(root, MadeUpRun(run_id="before"))
    archive = before.directory / "s3" / "bucket" / RunKeys("before").archive
    (archive / OUTCOMES_NAME).unlink()
    seal(archive, "before")
    previous = previous_of(root, MadeUpRun(run_id="now", day=1))
    assert (previous.gain, previous.why_not_paired) == (None, NO_COUNTS)


def test_a_first_release_and_a_run_without_scores_have_none_before(root):
    assert previous_of(root, MadeUpRun(run_id="first")) is None
    assert previous_of(root, MadeUpRun(run_id="failed", status="failed", is_measured=False, day=1)) is None
