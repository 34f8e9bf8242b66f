"""The managed policies that are written down are AWS's own, as moto has them."""

from __future__ import annotations

import json

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from fine_tune_slm.localcloud.iam import roles
from fine_tune_slm.localcloud.iam.policy import read_statements

POLICIES = json.loads(roles._MANAGED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def known() -> dict:
    return json.loads(aws_managed_policies_data)


@pytest.mark.parametrize("arn", POLICIES)
def test_a_managed_policy_says_what_aws_says(known, arn):
    path, _, name = arn.removeprefix("arn:aws:iam::aws:policy").rpartition("/")
    theirs = known[name]
    assert theirs["Path"] == f"{path}/"
    ours = read_statements(name, POLICIES[arn])
    assert [set(one.actions) for one in ours] == [set(one.actions) for one in read_statements(name, theirs["Document"])]
    assert [one.resources for one in ours] == [("*",)]
