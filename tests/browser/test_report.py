"""report.html in a real browser: narrow and wide, light and dark, on paper, by keyboard, for a screen reader."""

from __future__ import annotations

from itertools import pairwise

import pytest
from slm_core.records import FailureRecord

from fine_tune_slm.closing import ended_run, write_run_report
from tests.made_up_runs import MadeUpRun, keep

A4_WITHIN_MARGINS = 688
"""Pixels that a sheet of paper is wide between the margins of the page's own style."""
CUT_OFF = """
[...document.querySelectorAll('.scroll, pre')].filter(one => one.offsetParent && one.scrollWidth > one.clientWidth + 1)
  .map(one => one.getAttribute('aria-label'))
"""
"""What would have to be scrolled, which paper cannot do."""
REJECTED = FailureRecord(
    error="ModelRejectedError",
    cause="1 of the gate's 10 bounds missed:\nMISSED macro-F1 0.841, at least 0.990\nmet    JSON valid",
    state="AssessModel",
)
OUT_OF_MEMORY = FailureRecord(error="TrainingOutOfMemoryError", cause="The container was killed", state="CheckTraining")
RUNS = {
    "succeeded": MadeUpRun(run_id="succeeded", day=1),
    "rejected": MadeUpRun(run_id="rejected", status="rejected", failure=REJECTED, day=1),
    "failed": MadeUpRun(run_id="failed", status="failed", is_measured=False, failure=OUT_OF_MEMORY),
    "unmeasured-before": MadeUpRun(run_id="unmeasured-before", is_measured_before=False, is_synthetic=False),
    "long": MadeUpRun(run_id="l" * 80, steps=20_000, polls=570, poll_seconds=300, relaunches=2),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    root = tmp_path_factory.mktemp("local")
    keep(root, MadeUpRun(run_id="before", skill=0.55))
    return {name: write_run_report(ended_run(keep(root, made_up))) for name, made_up in RUNS.items()}


@pytest.mark.parametrize("window", [(360, "dark"), (1280, "light")], ids=str)
@pytest.mark.parametrize("name", RUNS)
def test_a_report_fits_asks_for_nothing_and_hinders_nobody(browser, reports, pictures, name, window):
    width, scheme = window
    with browser.open(reports[name], width=width, scheme=scheme) as opened:
        opened.picture(pictures / f"report-{name}-{width}.png")
        assert opened.overflow() == 0
        assert opened.findings() == []
        assert opened.complaints == []
        assert opened.requests == [reports[name].as_uri()]


def test_the_page_is_dark_where_the_reader_wants_it(browser, reports):
    shades = []
    for scheme in ("light", "dark"):
        with browser.open(reports["succeeded"], scheme=scheme) as opened:
            shades.append(opened.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert shades == ["rgb(255, 255, 255)", "rgb(20, 24, 31)"]


@pytest.mark.parametrize("name", RUNS)
def test_a_report_prints_in_the_width_of_a_sheet_and_in_light_colours(browser, reports, name):
    with browser.open(reports[name], width=A4_WITHIN_MARGINS, scheme="dark") as opened:
        printed = opened.page.pdf(format="A4", prefer_css_page_size=True)
        assert printed.startswith(b"%PDF-")
        assert len(printed) > 10_000
        opened.page.emulate_media(media="print")
        assert opened.overflow() == 0
        assert opened.page.evaluate(CUT_OFF) == []
        assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not opened.page.get_by_role("navigation").is_visible()


def test_the_keyboard_reaches_the_verdict_first_and_everything_that_scrolls(browser, reports):
    with browser.open(reports["succeeded"], width=360) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the verdict"
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#verdict"
        hidden = page.evaluate(
            "[...document.querySelectorAll('*')].filter(one => one.scrollWidth > one.clientWidth + 1 &&"
            " getComputedStyle(one).overflowX === 'auto' && one.tabIndex < 0).length"
        )
        assert hidden == 0
        table = page.get_by_role("region", name="F1 by field", exact=True)
        table.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_a_screen_reader_finds_headings_named_tables_and_what_charts_show(browser, reports):
    with browser.open(reports["succeeded"]) as opened:
        page = opened.page
        assert page.get_by_role("heading", level=1).inner_text() == "succeeded"
        assert page.get_by_role("heading", level=2).first.inner_text().startswith("SUCCEEDED in")
        for name in ("F1 by field", "Whole answers", "What the model was made of"):
            assert page.get_by_role("table", name=name).count() == 1
        assert page.get_by_role("img", name="Training loss by step: first").count() == 1
        assert page.get_by_role("img", name="F1 by field with 95 % intervals").count() == 1
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(one => +one.tagName[1])")
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_page_with_defects_is_found_out(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<html><body><img src='https://images.invalid/x.png'><p style='color:#ddd;width:3000px'>pale</p>"
        "<script>console.error('broken')</script></body></html>",
        encoding="utf-8",
    )
    with browser.open(page, width=360) as opened:
        found = " ".join(opened.findings())
        assert "image-alt" in found
        assert "color-contrast" in found
        assert opened.overflow() > 2000
        assert "error: broken" in opened.complaints
        assert "https://images.invalid/x.png" in opened.requests
