"""The template grants what is used, and nothing else: a stage's scenarios, statement by statement.

Taking a statement away is not tried by running everything again without it: the accesses that were recorded are judged
once more without it, by the code that judged them when they were made.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest

from fine_tune_slm.localcloud import LocalCloud, LocalCloudSettings
from fine_tune_slm.localcloud.iam.roles import statements_of
from scripts.permissions.claims import Grant, grants, logical_role
from scripts.permissions.evidence import Evidence, Row, read_exceptions
from tests.rehearsal.permission_scenarios import SCENARIOS

GRANTED = grants()
# `make permissions` names the file that docs/measured/permissions.md is made from
WRITTEN_TO = os.environ.get("WRITE_PERMISSIONS_TO")


@pytest.fixture(scope="module")
def tiny_settings(tiny_settings: LocalCloudSettings, tmp_path_factory: pytest.TempPathFactory) -> LocalCloudSettings:
    """An emulated AWS in which the sweeper looks when a scenario says so, and no earlier test has fetched the model."""
    return tiny_settings.model_copy(update={"schedules_fire": False, "volume": tmp_path_factory.mktemp("volume")})


@pytest.fixture(scope="module")
def evidence(tiny_settings, tiny_spec, set_up_stage) -> Evidence:
    """What the roles of a deployed stage have and what they used in every scenario."""
    with LocalCloud(tiny_settings) as cloud:
        stage = set_up_stage(cloud, tiny_spec)
        roles = [str(role["RoleName"]) for role in cloud.client("iam").list_roles()["Roles"]]
        found = Evidence({logical_role(role): statements_of(role) for role in roles})
        for scenario in SCENARIOS:
            before = cloud.journal.counts()
            scenario(stage)
            for use in Counter(cloud.journal.counts()) - before:
                assert use.is_allowed, f"{use.role} was refused {use.access} in {scenario.__name__}"
                found.add(scenario.__name__.replace("_", " "), use.role, use.access)
    return found


@pytest.fixture(scope="module")
def rows(evidence) -> list[Row]:
    """Every grant of an action on a resource."""
    found = evidence.rows(GRANTED, read_exceptions())
    if WRITTEN_TO:
        Path(WRITTEN_TO).write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n", encoding="utf-8")
    return found


def test_every_granted_action_on_every_resource_is_used_or_a_reason_says_why_it_cannot_be(rows):
    assert [row for row in rows if not row.is_accounted_for] == []


def test_every_exception_still_covers_something(rows):
    used = {row.reason for row in rows}
    assert [one for one in read_exceptions() if one.reason not in used] == []


@pytest.mark.parametrize("grant", GRANTED, ids=str)
def test_without_a_statement_something_that_was_used_would_be_refused(evidence, rows, grant: Grant):
    own = [row for row in rows if (row.role, row.statement) == (grant.role, grant.statement.name)]
    is_exempt = all(row.reason for row in own)
    assert evidence.is_needed(grant, GRANTED) is not is_exempt
