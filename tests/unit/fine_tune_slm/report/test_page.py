"""The report as text: what it says of each kind of run, and what it must never need or show."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest
from slm_core import scoreboard
from slm_core.records import CostItem, FailureRecord, Release, ReleaseHistory

from fine_tune_slm.closing import ended_run, write_run_report
from fine_tune_slm.failure_card import failure_card
from fine_tune_slm.report.cost import cost_rows, cost_sentence, training_share
from fine_tune_slm.report.facts import ReportFacts, gather
from fine_tune_slm.report.page import render
from fine_tune_slm.timeline import Timeline
from tests.made_up_runs import REPO, VALIDATION_SHA256, MadeUpRun, keep, validation_records

VOID = {"meta", "link", "br"}
REJECTED = FailureRecord(
    error="ModelRejectedError", cause="1 of the gate's 10 bounds missed:\nMISSED macro-F1", state="AssessModel"
)
OUT_OF_MEMORY = FailureRecord(
    error="TrainingOutOfMemoryError", cause="<script>alert(1)</script>", state="CheckTraining"
)


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


def page_of(root, made_up):
    return write_run_report(ended_run(keep(root, made_up))).read_text(encoding="utf-8")


def text_of(page):
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="module")
def page(root):
    return page_of(root, MadeUpRun())


@pytest.fixture(scope="module")
def rejected(root):
    return page_of(root, MadeUpRun(run_id="rejected", status="rejected", failure=REJECTED))


@pytest.fixture(scope="module")
def failed(root):
    return page_of(root, MadeUpRun(run_id="failed", status="failed", is_measured=False, failure=OUT_OF_MEMORY))


@pytest.fixture(scope="module")
def unmeasured_before(root):
    return page_of(root, MadeUpRun(run_id="unmeasured", is_measured_before=False, is_synthetic=False, day=-1))


def test_the_report_opens_with_the_verdict(page):
    text = text_of(page)
    verdict = text[: text.index("Scores before and after tuning")]
    assert "started 2030-01-02 03:04:05 UTC SUCCEEDED in 3 min 43 s" in verdict
    assert re.search(
        r"Macro-F1 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\), 0\.\d{3} before tuning, a gain of \+0\.\d{3}", verdict
    )
    assert "None of the gate's 10 bounds missed." in verdict
    assert f"Published as {REPO} at {'c' * 40}." in verdict
    assert (
        "Emulated: nothing was billed. 3 min 34 s of g6.2xlarge at list price would have cost about $0.0815" in verdict
    )


def test_every_field_stands_with_its_intervals_and_its_paired_gain(page, root):
    metrics = ended_run(keep(root, MadeUpRun())).record.metrics
    text = text_of(page)
    for row in scoreboard.field_rows(metrics):
        assert " ".join(filter(None, row)) in text


@pytest.mark.parametrize("name", ["page", "rejected", "failed", "unmeasured_before"])
def test_no_report_needs_the_network_or_a_script(name, request):
    without_namespaces = request.getfixturevalue(name).replace("http://www.w3.org", "")
    assert not re.search(r"https?://|<script|<img|@import|url\(|href=\"(?!#|data:,)", without_namespaces)


@pytest.mark.parametrize("name", ["page", "rejected", "failed", "unmeasured_before"])
def test_every_report_is_well_formed_and_its_links_lead_somewhere(name, request):
    page = request.getfixturevalue(name)
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) == len(set(names))
    assert set(re.findall(r'(?:href="#|aria-labelledby=")([^"]+)"', page)) <= set(names)


def test_curves_states_and_materials_are_there(page):
    assert "Training loss by step: first" in page
    assert "Learning rate by step: first" in page
    assert page.count('class="billed"') == 1
    assert "adapter file adapter_model.safetensors" in page
    assert "HuggingFaceTB/SmolLM2-135M-Instruct at " + "e" * 40 in page
    assert "training.learning_rate" in page


def test_the_model_can_be_used_by_what_the_report_says(page):
    text = text_of(page)
    assert "fine-tune-slm extract --run rehearsal-20300102-030405-0a0b NOTE.txt" in text
    assert f'PeftModel.from_pretrained(base, "{REPO}", revision="{"c" * 40}")' in text
    assert "Not for clinical decisions" in text


def test_the_billed_seconds_of_the_states_add_up_to_the_time_of_the_instance(page):
    row = re.search(r"all states</th>(.*?)</tr>", page, flags=re.DOTALL)[1]
    assert re.findall(r'number">([^<]+)<', row) == ["3 min 43 s", "214.0"]


def test_a_rejected_model_shows_the_missed_bound_first_and_how_to_go_on(rejected):
    text = text_of(rejected)
    assert "REJECTED in" in text
    assert "1 of the gate's 10 bounds missed." in text
    assert "Not published; the archive is kept." in text
    rows = re.findall(r"<th scope=\"row\">([^<]+)</th>[^\n]*\n[^\n]*(MISSED|met)<", rejected)
    assert rows[0] == ("macro-F1", "MISSED")
    assert {verdict for _name, verdict in rows[1:]} == {"met"}
    assert re.search(r"go on with\s+fine-tune-slm status rejected", text)
    assert "from_pretrained" not in text


def test_a_failed_run_shows_its_card_with_everything_escaped(failed):
    text = text_of(failed)
    assert "FAILED in" in text
    assert "TrainingOutOfMemoryError in CheckTraining: <script>" in text
    assert "i-0123456789abcdef0 is stopped" in text
    assert "<script>" not in failed
    assert "&lt;script&gt;alert(1)" in failed
    assert 'class="bad"' in failed
    assert "What the model would have been made of" in text
    assert "Use the model" not in text


def test_a_run_without_scores_from_before_says_so(unmeasured_before):
    assert "the untuned model was not measured" in text_of(unmeasured_before)
    assert "stage not measured not measured 0." in text_of(unmeasured_before)
    assert "before tuning" not in re.search(r"<svg.*?</svg>", unmeasured_before, flags=re.DOTALL)[0]


def test_notes_are_shown_only_where_the_datasets_manifest_calls_them_synthetic(page, unmeasured_before):
    assert "Examples" in text_of(page)
    assert 'class="note"' in page
    assert 'class="note"' not in unmeasured_before
    assert "Counts only: the dataset's manifest does not say that its notes are synthetic" in text_of(unmeasured_before)
    for note in validation_records(32):
        assert not any(line in unmeasured_before for line in note.input.splitlines() if len(line) > 20)
    assert "omission" in unmeasured_before


def test_a_run_of_days_has_a_page_of_ordinary_size(root):
    page = page_of(root, MadeUpRun(run_id="long", steps=20_000, polls=570, poll_seconds=300, relaunches=2))
    assert len(page) < 150_000
    assert page.count('class="billed"') == 3
    assert "47 h" in text_of(page)


def test_a_run_without_any_record_still_has_a_report(history):
    timeline = Timeline()
    timeline.ingest(history().enter("PrepareRun").wait(1).end("ExecutionAborted").events)
    page = render(ReportFacts("r", timeline, card=failure_card("r", None, timeline)))
    assert "ABORTED in 1.0 s" in page
    assert "No instance time was recorded." in page


def test_an_archive_from_before_mistakes_were_counted_still_has_a_report(root):
    result = ended_run(keep(root, MadeUpRun(run_id="old")))
    metrics = result.record.metrics
    older = metrics.model_copy(update={"gain": None, "after": metrics.after.model_copy(update={"mistakes": ()})})
    facts = gather(result.run, result.record.model_copy(update={"metrics": older}), result.timeline, None)
    assert "This run's archive does not count its mistakes." in render(facts)


def test_the_gate_shows_what_the_run_was_held_against(root):
    kept = keep(root, MadeUpRun(run_id="judged"))
    release = Release(
        run_id="before", revision="b" * 40, macro_f1=0.99, samples=32, validation_sha256=VALIDATION_SHA256,
        published_at="2029-12-31T00:00:00Z",
    )  # fmt: skip
    pointer = kept.directory / "s3" / "bucket" / "releases" / f"{REPO}.json"
    pointer.parent.mkdir(parents=True)
    own = release.model_copy(update={"run_id": "judged", "macro_f1": 0.8})
    pointer.write_text(ReleaseHistory(repo_id=REPO, releases=(release, own)).model_dump_json(), encoding="utf-8")
    text = text_of(write_run_report(ended_run(kept)).read_text(encoding="utf-8"))
    assert re.search(r"macro-F1 beside the published run before 0\.\d{3} at least 0\.970 MISSED", text)


def test_on_a_real_account_the_cost_is_stated_as_such(record):
    assert cost_sentence(record, is_emulated=False).startswith("5 min 00 s of g6.2xlarge: about $0.0815")
    assert cost_sentence(None, is_emulated=True) == "No instance time was recorded."
    assert cost_rows(record) == [("instance time, g6.2xlarge", "5 min 00 s", "$0.0815")]
    assert cost_rows(None) == []


def test_every_kind_of_cost_is_a_row_and_the_last_is_their_sum(record):
    costs = (
        CostItem(kind="instance", detail="g6.2xlarge", amount=300, usd=0.0815),
        CostItem(kind="storage", detail="200 GiB of gp3", amount=360, usd=0.0022),
        CostItem(kind="state transitions", detail="Step Functions", amount=1200, usd=0.03),
    )
    assert cost_rows(record.model_copy(update={"costs": costs, "cost_usd": 0.1137})) == [
        ("instance, g6.2xlarge", "5 min 00 s", "$0.0815"),
        ("storage, 200 GiB of gp3", "6 min 00 s", "$0.0022"),
        ("state transitions, Step Functions", "1,200", "$0.0300"),
        ("in all", "", "$0.11"),
    ]


def test_the_share_of_the_billed_time_that_trained_is_told_where_it_is_known(record):
    assert training_share(record).startswith("Of the billed time, 2 min 20 s (47%) went into optimiser steps")
    resumed = record.metrics.training.model_copy(update={"resumed_from_step": 16})
    metrics = record.metrics.model_copy(update={"training": resumed})
    assert training_share(record.model_copy(update={"metrics": metrics})) == ""


def test_the_report_says_no_more_than_the_record_of_an_unknown_shape(root):
    kept = keep(root, MadeUpRun(run_id="torn"))
    (kept.directory / "s3" / "bucket" / "runs" / "torn" / "run.json").write_text(json.dumps({"run_id": "torn"}))
    page = write_run_report(ended_run(kept)).read_text(encoding="utf-8")
    assert "The run's configuration is not kept" in page
    assert "Counts only" in page
