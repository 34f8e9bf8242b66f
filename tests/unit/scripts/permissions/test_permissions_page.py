"""The page of permissions belongs to the template that is committed beside it."""

from __future__ import annotations

import pytest

from scripts.permissions.__main__ import MEASURED, read_rows
from scripts.permissions.claims import grants, policies_elsewhere
from scripts.permissions.evidence import Row, read_elsewhere
from scripts.permissions.page import page

FIGURES, PAGE = MEASURED / "permissions.json", MEASURED / "permissions.md"
MADE_UP = [
    Row("ReaderRole", "Read", "s3:GetObject", "{Bucket.Arn}/runs/*", scenarios=("a run", "another")),
    Row("ReaderRole", "Trace", "xray:PutTraceSegments", "*", reason="there is no daemon here"),
]


def test_the_page_names_every_grant_with_what_used_it_or_why_nothing_can():
    text = page(MADE_UP, {"AQueuePolicy": "a service's own"})
    assert "* AQueuePolicy: a service's own" in text
    assert "1 roles, 2 grants of an action on a resource: 1 used, 1 with a reason" in text
    assert "| Read | s3:GetObject | `{Bucket.Arn}/runs/*` | a b |" in text
    assert "| Trace | xray:PutTraceSegments | `*` | not used: there is no daemon here |" in text
    assert "* **b** another" in text


@pytest.fixture
def rows() -> list[Row]:
    """The measured rows."""
    return read_rows(FIGURES)


def test_the_page_is_the_rendering_of_its_figures(rows):
    assert PAGE.read_text(encoding="utf-8") == page(rows, read_elsewhere()), "run make permissions"


def test_the_figures_are_about_every_grant_of_the_template_as_it_is_now(rows):
    granted = {
        (grant.role, grant.statement.name, action, resource)
        for grant in grants()
        for action in grant.statement.actions
        for resource in grant.statement.resources
    }
    assert {(row.role, row.statement, row.action, row.resource) for row in rows} == granted, "run make permissions"


def test_every_policy_that_no_role_of_a_service_has_is_held_elsewhere_and_none_of_them_is_gone():
    assert policies_elsewhere() == read_elsewhere().keys()


def test_everything_granted_is_used_or_has_a_reason(rows):
    assert [row for row in rows if not row.is_accounted_for] == []
