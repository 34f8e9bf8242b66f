from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from fine_tune_slm.charts import Point
from fine_tune_slm.failure_card import failure_card
from fine_tune_slm.kept_runs import verify_archive
from fine_tune_slm.report import ReportFacts, cost_sentence, read_losses, write_report
from fine_tune_slm.timeline import Timeline

VOID = {"meta"}


class Balance(HTMLParser):
    """Fails on a tag that is closed in the wrong order or never."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """A tag that closes itself is balanced."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page(tmp_path, record, make_archive, history):
    archive = tmp_path / "archive"
    make_archive(archive)
    timeline = Timeline()
    timeline.ingest(history().state("PrepareRun", 4).poll(60).state("StopInstance", 5).end("ExecutionSucceeded").events)
    facts = ReportFacts(record.run_id, timeline, record, verify_archive(archive), None, read_losses(archive))
    write_report(facts, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_report_opens_with_the_verdict_and_the_scores(page):
    assert page.index("SUCCEEDED in 1 min 10 s") < page.index("<table>")
    assert re.search(r"macro-F1 0\.01 before,\s+0\.62 after tuning", page)
    assert "0.31 to 0.81" in page


def test_the_report_needs_no_network(page):
    without_namespaces = page.replace("http://www.w3.org", "")
    assert not re.search(r"https?://|<script|<link|@import|url\(", without_namespaces)


def test_the_report_is_well_formed_html(page):
    balance = Balance()
    balance.feed(page)
    assert balance.open == []


def test_the_report_says_that_nothing_was_billed_and_what_it_would_have_cost(page):
    assert "Emulated: nothing was billed. 5 min 00 s of g6.2xlarge at list price would have cost about $0.0815." in page


def test_the_report_draws_loss_and_states_and_lists_what_the_adapter_was_made_of(page):
    assert "loss over step: from 2.500 to 1.500" in page
    assert page.count('<rect class="bar"') == 5
    assert "adapter file adapter_model.safetensors" in page
    assert "HuggingFaceTB/SmolLM2-135M-Instruct at " + "e" * 40 in page


def test_the_report_of_a_failed_run_shows_its_card_with_everything_escaped(tmp_path, failed_record, failed_history):
    timeline = Timeline()
    timeline.ingest(failed_history.events)
    failure = failed_record.failure.model_copy(update={"cause": "<script>alert(1)</script>"})
    broken = failed_record.model_copy(update={"failure": failure})
    card = failure_card("r", broken, timeline)
    write_report(ReportFacts("r", timeline, broken, None, card, ()), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "What failed" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert '<rect class="bad"' in page
    assert "Bill of materials" not in page


def test_a_run_without_any_record_still_has_a_report(tmp_path, history):
    timeline = Timeline()
    timeline.ingest(history().enter("PrepareRun").wait(1).end("ExecutionAborted").events)
    write_report(
        ReportFacts("r", timeline, None, None, failure_card("r", None, timeline), ()), tmp_path / "report.html"
    )
    assert "ABORTED in 1.0 s" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_on_a_real_account_the_cost_is_stated_as_such(record):
    assert cost_sentence(record, is_emulated=False).startswith("5 min 00 s of g6.2xlarge: about $0.0815")
    assert cost_sentence(None, is_emulated=True) == "No instance time was recorded."


def test_losses_are_read_by_step(tmp_path, make_archive):
    make_archive(tmp_path / "archive")
    assert read_losses(tmp_path / "archive") == (Point(1, 2.5), Point(2, 1.5))
    assert read_losses(None) == ()
