"""Statements against accesses: Deny, wildcards, conditions, and no guess about what is not understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fine_tune_slm.localcloud.errors import PolicyUnsupportedError
from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.patterns import matches
from fine_tune_slm.localcloud.iam.policy import decide, read_resource_statements, read_statements

ALLOW = {"Sid": "Reads", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/runs/*"}
READ = Access.of("s3:GetObject", "arn:aws:s3:::bucket/runs/a/run.json")


def decision(*statements, access=READ):
    return decide(read_statements("policy", {"Statement": list(statements)}), access)


def conditional(operator, key, values):
    return {**ALLOW, "Condition": {operator: {key: values}}}


def under(key, *values):
    return Access.of(READ.action, READ.resource, {key: values})


def test_nothing_is_allowed_without_an_allow():
    assert not decision({**ALLOW, "Action": "s3:PutObject"}).is_allowed


def test_an_allow_allows_its_action_on_its_resource():
    assert decision(ALLOW).is_allowed


@pytest.mark.parametrize("resource", ["arn:aws:s3:::bucket/models/a", "arn:aws:s3:::bucket-2/runs/a"])
def test_an_allow_allows_nothing_elsewhere(resource):
    assert not decision(ALLOW, access=Access.of("s3:GetObject", resource)).is_allowed


def test_an_action_is_compared_without_case_and_with_wildcards():
    assert decision({**ALLOW, "Action": ["ec2:*", "S3:get*"]}).is_allowed


@pytest.mark.parametrize("order", [1, -1])
def test_a_deny_outweighs_an_allow_in_either_order_and_is_named(order):
    deny = {**ALLOW, "Sid": "Never", "Effect": "Deny"}
    found = decision(*[ALLOW, deny][::order])
    assert not found.is_allowed
    assert found.denied_by is not None
    assert found.denied_by.name == "Never"


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "access", "holds"),
    [
        ("StringEquals", "aws:ResourceTag/stack", "mine", under("aws:ResourceTag/stack", "mine"), True),
        ("StringEquals", "aws:ResourceTag/stack", "mine", under("aws:ResourceTag/stack", "other"), False),
        ("StringEquals", "aws:ResourceTag/stack", "mine", READ, False),
        ("StringEquals", "AWS:resourcetag/stack", "mine", under("aws:ResourceTag/stack", "mine"), True),
        ("StringEqualsIfExists", "aws:ResourceTag/stack", "mine", READ, True),
        ("StringNotEquals", "aws:ResourceTag/stack", "mine", READ, True),
        ("StringNotEquals", "aws:ResourceTag/stack", ["a", "b"], under("aws:ResourceTag/stack", "b"), False),
        ("StringLike", "aws:ResourceTag/stack", "m?n*", under("aws:ResourceTag/stack", "mine"), True),
        ("Bool", "aws:SecureTransport", False, under("aws:SecureTransport", "false"), True),
        ("Bool", "aws:SecureTransport", "false", under("aws:SecureTransport", "true"), False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["deadline"], under("aws:TagKeys", "deadline"), True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["deadline"], under("aws:TagKeys", "deadline", "Name"), False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["deadline"], READ, True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["deadline"], under("aws:TagKeys", "deadline", "Name"), True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["deadline"], READ, False),
    ],
)
def test_a_condition_holds_as_in_aws(operator, key, wanted, access, holds):
    assert decision(conditional(operator, key, wanted), access=access).is_allowed is holds


def test_all_conditions_of_a_statement_must_hold():
    both = {"StringEquals": {"aws:ResourceTag/stack": "mine", "ec2:Attribute": "InstanceType"}}
    accesses = [
        Access.of(READ.action, READ.resource, {"aws:ResourceTag/stack": ("mine",), "ec2:Attribute": (attribute,)})
        for attribute in ("InstanceType", "UserData")
    ]
    assert [decision({**ALLOW, "Condition": both}, access=one).is_allowed for one in accesses] == [True, False]


@pytest.mark.parametrize(
    "change",
    [
        {"Condition": {"NumericLessThan": {"aws:TagKeys": "1"}}},
        {"Condition": {"ForSomeValues:StringEquals": {"aws:TagKeys": "1"}}},
        {"Condition": {"StringEquals": {"aws:SourceIp": "10.0.0.1"}}},
        {"NotAction": "s3:PutObject"},
        {"NotResource": "*"},
        {"Principal": "*"},
        {"Resource": "arn:aws:s3:::bucket/${aws:username}/*"},
    ],
)
def test_what_is_not_understood_is_an_error_and_no_allowance(change):
    with pytest.raises(PolicyUnsupportedError, match="Reads of policy"):
        decision({**ALLOW, **change})


def test_of_a_bucket_policy_the_statements_about_everybody_count_and_those_about_services_do_not():
    tls = {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    logs = {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "*", "Resource": "*"}
    assert [one.name for one in read_resource_statements("policy", {"Statement": [tls, logs]})] == ["TlsOnly"]
    with pytest.raises(PolicyUnsupportedError):
        read_resource_statements("policy", {"Statement": {**tls, "Principal": {"AWS": "arn:aws:iam::1:role/x"}}})


@given(st.text(max_size=20))
def test_a_pattern_without_wildcards_is_nothing_but_itself(text):
    pattern = text.replace("*", "").replace("?", "")
    assert matches(pattern, text) is (pattern == text)


@given(st.text(max_size=9), st.text(max_size=9), st.text(max_size=9))
def test_a_star_stands_for_any_text_in_its_place(before, middle, after):
    before, after = (part.replace("*", "").replace("?", "") for part in (before, after))
    assert matches(f"{before}*{after}", f"{before}{middle}{after}")


@pytest.mark.parametrize(("text", "is_meant"), [("a", True), ("", False), ("ab", False)])
def test_a_question_mark_stands_for_one_character(text, is_meant):
    assert matches("?", text) is is_meant
