"""The failure card and the notices: what a person reads first."""

import pytest
from slm_core.card import failure_card, stop_card
from slm_core.notices import tell
from slm_core.records import RunRecord

from tests.unit.emulated_account import EXECUTION_ARN, RUN_ID, START, answering, refusing


def _record(**changes):
    record = {
        "run_id": RUN_ID,
        "run_name": RUN_ID,
        "execution_arn": EXECUTION_ARN,
        "status": "failed",
        "started_at": START,
        "finished_at": START,
        "instance": {"instance_id": "i-1", "state": "stopped"},
        "billed_seconds": 60,
        "cost_usd": 1.5,
        "last_checkpoint_step": 40,
        "failure": {"error": "DiskFullError", "cause": "The disk is full", "state": "CheckTraining"},
    }
    return RunRecord.model_validate(record | changes)


def test_the_card_says_what_where_and_what_next():
    subject, text = failure_card(RUN_ID, "FAILED", _record())
    assert subject == f"fine-tune-slm: run {RUN_ID} failed"
    for fact in ("DiskFullError", "The disk is full", "CheckTraining", "i-1: stopped", "step 40", "$1.50"):
        assert fact in text
    assert "docs/runbook.md" in text
    for verb in ("status", "resume"):
        assert f"fine-tune-slm {verb} {RUN_ID} --stage STAGE" in text


@pytest.mark.parametrize(
    ("status", "words"), [("ABORTED", "was aborted"), ("TIMED_OUT", "ran into its time limit"), ("FAILED", "failed")]
)
def test_a_card_without_a_record_says_so(status, words):
    subject, text = failure_card(RUN_ID, status, None)
    assert words in subject
    assert "There is no record of the run." in text


def test_a_rejected_model_is_told_from_a_run_that_broke():
    subject, text = failure_card(RUN_ID, "FAILED", _record(status="rejected", instance=None, cost_usd=None))
    assert "rejected by the gate" in subject
    assert "not touched" in text
    assert "cost" not in text
    assert "resume" not in text


def test_only_what_left_a_checkpoint_is_to_be_continued():
    _, with_one = failure_card(RUN_ID, "FAILED", _record(last_checkpoint_step=40))
    _, without = failure_card(RUN_ID, "FAILED", _record(last_checkpoint_step=None))
    assert f"fine-tune-slm resume {RUN_ID}" in with_one
    assert "resume" not in without


def test_a_sweep_names_the_instance_the_reason_and_the_state():
    subject, text = stop_card("i-1", "no run holds it", "stopping")
    assert "i-1" in subject
    assert "no run holds it" in text
    assert "stopping" in text


def test_a_subject_fits_into_what_sns_takes(account, monkeypatch):
    sent = []
    answering("sns", {"Publish": lambda request: sent.append(request["Subject"]) or {}}, monkeypatch)
    assert tell("arn:aws:sns:us-east-1:123456789012:alerts", *failure_card("r" * 80, "TIMED_OUT", None))
    assert len(sent[0]) <= 100


def test_a_notice_that_cannot_be_sent_is_no_failure(account, monkeypatch):
    refusing("sns", {"Publish": "InternalError"}, monkeypatch)
    assert not tell("arn:aws:sns:us-east-1:123456789012:alerts", "subject", "text")


def test_without_a_topic_nobody_is_told(account, monkeypatch):
    refusing("sns", {"Publish": "InternalError"}, monkeypatch)
    assert not tell(None, "subject", "text")
