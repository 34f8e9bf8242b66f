"""Grants beside uses: what counts as used, what a statement's removal would refuse, and what an exception covers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.policy import read_statements
from scripts.permissions.claims import Grant, logical_role
from scripts.permissions.evidence import Evidence, Exempt

PREFIXES = ["arn:aws:s3:::b/x/*", "arn:aws:s3:::b/y/*"]
READ = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": PREFIXES}
LIST = {"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b"}
X, Y = (Access.of("s3:GetObject", f"arn:aws:s3:::b/{letter}/1") for letter in "xy")


def evidence_of(*documents, uses=(X,)):
    deployed = read_statements("policy", {"Statement": list(documents)})
    evidence = Evidence({"ReaderRole": deployed})
    for access in uses:
        evidence.add("a run", "stack-ReaderRole-ABC123", access)
    return evidence, [Grant("ReaderRole", one) for one in deployed]


def test_each_action_on_each_resource_is_a_row_that_is_used_or_not():
    evidence, granted = evidence_of(READ, LIST)
    rows = evidence.rows(granted, [])
    assert [(row.statement, row.resource[-3:], row.scenarios) for row in rows] == [
        ("Read", "x/*", ("a run",)),
        ("Read", "y/*", ()),
        ("List", "::b", ()),
    ]
    assert [row.is_accounted_for for row in rows] == [True, False, False]


def test_what_was_used_while_a_condition_did_not_hold_is_no_use_of_the_statement():
    tagged = {**LIST, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    plain, safe = (
        Access.of("s3:ListBucket", "arn:aws:s3:::b", {"aws:SecureTransport": (told,)}) for told in ("false", "true")
    )
    for use, scenarios in ((plain, ()), (safe, ("a run",))):
        evidence, granted = evidence_of(tagged, uses=(use,))
        (row,) = evidence.rows(granted, [])
        assert row.scenarios == scenarios


def test_an_exception_covers_what_is_not_used_and_is_a_mistake_where_something_is():
    evidence, granted = evidence_of(READ)
    exempt = Exempt(statement="Read", reason="nobody can", resource="*/y/[*]")
    assert [row.is_accounted_for for row in evidence.rows(granted, [exempt])] == [True, True]
    everywhere = replace(exempt, resource="*")
    assert [row.is_accounted_for for row in evidence.rows(granted, [everywhere])] == [False, True]


def test_a_statement_is_needed_when_something_used_is_refused_without_it():
    evidence, granted = evidence_of(READ, LIST)
    assert [evidence.is_needed(grant, granted) for grant in granted] == [True, False]


def test_of_two_statements_that_allow_the_same_neither_is_needed():
    evidence, granted = evidence_of(READ, {**READ, "Sid": "Again"}, uses=(X, Y))
    assert [evidence.is_needed(grant, granted) for grant in granted] == [False, False]


@pytest.mark.parametrize(
    ("physical", "logical"),
    [("fine-tune-slm-prod-InstanceRole-H1H6", "InstanceRole"), ("s-AbcRole-1", "AbcRole")],
)
def test_a_role_is_found_in_the_template_by_the_name_that_cloudformation_gave_it(physical, logical):
    assert logical_role(physical) == logical
