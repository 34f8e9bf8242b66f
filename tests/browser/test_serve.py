"""The page of `fine-tune-slm serve` in a real browser, with a tiny model that has learned one answer by heart.

Everything is real but the size of the model: the command, the training code's extractor as a process, the adapter.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect
from slm_core.layout import MANIFEST_NAME
from slm_core.records import Manifest, ManifestFile, sha256_of

from extraction.schema import FIELDS, DatasetRecord, ExtractionRecord
from fine_tune_slm.kept_runs import KeptRun
from fine_tune_slm.serving.reader import LONGEST_NOTE_CHARACTERS
from tests.made_up_runs import MadeUpRun, keep
from tests.tiny_model import learn_by_heart, write_tiny_model

pytestmark = [
    pytest.mark.filterwarnings("default:::transformers", "default:::torch"),
    pytest.mark.timeout(1200),  # a browser and a model beside busy neighbours
]
PROJECT = Path(__file__).resolve().parents[2]
NOTE = "Synthetic note: stage IV lung cancer, liver metastases. Osimertinib since March."
ANSWER = {"cancer_type": "lung cancer", "stage": "IV", "treatment": "osimertinib", "metastasis_site": "liver; brain"}
PATIENCE_SECONDS = 240


@dataclass(frozen=True)
class Served:
    """A running `fine-tune-slm serve`."""

    process: subprocess.Popen[str]
    address: str

    def model_process(self) -> int:
        """Return the id of the process that holds the model."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.fixture(scope="module")
def base_model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny-model"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory, base_model) -> KeptRun:
    """A kept run whose adapter knows the answer."""
    record = DatasetRecord(input=NOTE, output=ExtractionRecord(**dict.fromkeys(FIELDS) | ANSWER))
    adapter = learn_by_heart(base_model, record, tmp_path_factory.mktemp("learned"))
    run = keep(tmp_path_factory.mktemp("local"), MadeUpRun(run_id="learned"))
    archive = run.archive()
    manifest = Manifest.model_validate_json((archive / MANIFEST_NAME).read_bytes())
    for path in adapter.iterdir():
        (archive / path.name).write_bytes(path.read_bytes())
    files = [path for path in sorted(archive.iterdir()) if path.name != MANIFEST_NAME]
    entries = (ManifestFile(path=p.name, size_bytes=p.stat().st_size, sha256=sha256_of(p)) for p in files)
    manifest = manifest.model_copy(update={"files": tuple(entries)})
    (archive / MANIFEST_NAME).write_text(manifest.model_dump_json(), encoding="utf-8")
    return run


@pytest.fixture(scope="module")
def served(kept, base_model) -> Iterator[Served]:
    command = [sys.executable, "-m", "fine_tune_slm.cli", "serve", "--run", kept.run_id, "--port", "0"]
    command += ["--root", str(kept.directory.parents[1]), "--model", str(base_model)]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    found = re.match(r"(http://127\.0\.0\.1:\d+/) reads notes with run learned", line)
    assert found, line
    yield Served(process, found[1])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


def read(opened, note: str) -> None:
    """Paste a note and send it, with the keyboard alone."""
    opened.page.keyboard.press("ControlOrMeta+A")
    opened.page.keyboard.insert_text(note)
    opened.page.keyboard.press("Control+Enter")


@pytest.mark.parametrize("window", [(360, "dark"), (1280, "light")], ids=str)
def test_a_note_is_pasted_and_its_evidence_is_seen(browser, served, pictures, window):
    width, scheme = window
    with browser.open(served.address, width=width, scheme=scheme) as opened:
        assert opened.findings() == []
        read(opened, NOTE)
        opened.page.locator("#record").wait_for()
        marks = {mark.get_attribute("class"): mark for mark in opened.page.locator("mark").all()}
        shown = {name: mark.inner_text().lower() for name, mark in marks.items()}
        assert shown == {
            "cancer_type": "lung cancer cancer type",
            "stage": "stage iv stage",
            "metastasis_site": "liver metastasis site",
            "treatment": "osimertinib treatment",
        }
        assert opened.page.locator(".ungrounded").all_inner_texts() == ["Not supported by the note: brain"]
        assert "stated stage: the stage is written there" in opened.page.locator("dl").inner_text()
        expect(opened.page.locator("#record")).to_be_focused()
        opened.picture(pictures / f"serve-{width}.png")
        assert opened.overflow() == 0
        assert opened.findings() == []
        assert opened.complaints == []
        assert all(request.startswith(served.address) for request in opened.requests)


def test_a_value_leads_to_its_words_by_keyboard(browser, served):
    with browser.open(served.address) as opened:
        read(opened, NOTE)
        opened.page.locator("#record").wait_for()
        opened.page.keyboard.press("Tab")
        assert opened.page.evaluate("document.activeElement.innerText") == "lung cancer"
        opened.page.keyboard.press("Enter")
        assert opened.page.locator("mark:target").inner_text().lower() == "lung cancer cancer type"


def test_without_scripts_the_page_reads_notes_too(browser, served):
    context = browser.browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(served.address)
        page.get_by_label("Clinical note").fill(NOTE)
        page.get_by_role("button", name="Read the note").click(timeout=PATIENCE_SECONDS * 1000)
        assert page.locator("mark.stage").inner_text().lower() == "stage iv stage"
        page.get_by_label("Clinical note").fill("x" * (LONGEST_NOTE_CHARACTERS + 1))
        page.get_by_role("button", name="Read the note").click(timeout=PATIENCE_SECONDS * 1000)
        assert "20,001 characters; at most 20,000 are read here" in page.get_by_role("alert").inner_text()
    finally:
        context.close()


def test_a_note_that_is_too_long_is_told_in_place_and_nothing_is_sent(browser, served):
    with browser.open(served.address) as opened:
        read(opened, "x" * (LONGEST_NOTE_CHARACTERS + 1))
        status = opened.page.get_by_role("status")
        assert "20,001 characters" in status.inner_text()
        assert opened.requests.count(served.address) == 1


def test_an_empty_note_is_told_and_a_model_that_ended_meanwhile_is_started_anew(browser, served, pictures):
    with browser.open(served.address, width=360) as opened:
        os.kill(served.model_process(), signal.SIGKILL)
        # a note of blanks is refused before a model is asked
        read(opened, " \n ")
        alert = opened.page.get_by_role("alert")
        assert "The note is empty" in alert.inner_text()
        expect(opened.page.locator("#problem")).to_be_focused()  # autofocus comes after the alert
        opened.picture(pictures / "serve-problem-360.png")
        assert opened.findings() == []
        assert opened.overflow() == 0
        opened.page.get_by_label("Clinical note").focus()
        read(opened, NOTE)
        opened.page.locator("#record").wait_for()
        assert opened.page.locator("mark").count() == 4
