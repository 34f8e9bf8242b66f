from __future__ import annotations

from pathlib import Path

import pytest
from slm_core.settings import load_setting_specs

from fine_tune_slm.errors import ArgumentInvalidError, ParametersIncompleteError
from fine_tune_slm.parameters import init_parameters, parse_assignments, read_parameters, require_finished

SPECS = load_setting_specs(Path(__file__).resolve().parents[3] / "config" / "aws_config.yml")
NAMES = [spec.ssm_param for spec in SPECS]
TYPES = "/fine-tune-slm/instance/allowed_types"
REPO = "/fine-tune-slm/hub/publish_repo"
GIVEN = {"hub.publish_repo": "group/model", "hub.base_model_revision": "a" * 40}


@pytest.fixture
def ssm(account):
    return account.client("ssm")


def test_every_parameter_of_the_user_is_created_with_its_value_or_default(ssm):
    init_parameters(ssm, SPECS, GIVEN)
    assert read_parameters(ssm, NAMES) == {
        TYPES: "g6.2xlarge,g5.2xlarge",
        REPO: "group/model",
        "/fine-tune-slm/hub/base_model_revision": "a" * 40,
    }


def test_parameters_of_other_owners_are_listed_and_left_alone(ssm):
    lines = [planned.line() for planned in init_parameters(ssm, SPECS, GIVEN)]
    assert "/fine-tune-slm/instance/id: owned by stack (absent), left alone" in lines
    assert "/fine-tune-slm/image/uri: owned by pipeline (absent), left alone" in lines
    assert "/fine-tune-slm/storage/dataset_sha256: owned by dataset (absent), left alone" in lines


def test_a_dry_run_creates_nothing(ssm):
    plan = init_parameters(ssm, SPECS, GIVEN, dry_run=True)
    assert f"{REPO}: create: group/model" in [planned.line() for planned in plan]
    assert read_parameters(ssm, NAMES) == {}


def test_an_existing_value_is_kept_and_the_difference_is_told(ssm):
    ssm.put_parameter(Name=TYPES, Value="g5.xlarge", Type="String")
    plan = init_parameters(ssm, SPECS, GIVEN)
    told = next(planned.line() for planned in plan if planned.spec.ssm_param == TYPES)
    assert told == f"{TYPES}: exists: g5.xlarge (not g6.2xlarge,g5.2xlarge: --overwrite would replace it)"
    assert read_parameters(ssm, NAMES)[TYPES] == "g5.xlarge"


def test_overwrite_replaces_and_tells_the_old_and_the_new_value(ssm):
    ssm.put_parameter(Name=REPO, Value="old/repo", Type="String")
    plan = init_parameters(ssm, SPECS, GIVEN, overwrite=True)
    assert f"{REPO}: overwrite: old/repo -> group/model" in [planned.line() for planned in plan]
    assert read_parameters(ssm, NAMES)[REPO] == "group/model"


def test_overwrite_never_removes_a_value_that_has_neither_a_default_nor_a_new_one(ssm):
    ssm.put_parameter(Name=REPO, Value="old/repo", Type="String")
    init_parameters(ssm, SPECS, {}, overwrite=True)
    assert read_parameters(ssm, NAMES)[REPO] == "old/repo"


def test_a_value_that_only_the_user_knows_is_asked_for_with_the_way_to_find_it(ssm):
    plan = init_parameters(ssm, SPECS, {})
    told = next(planned.line() for planned in plan if planned.spec.name == "hub.base_model_revision")
    assert "needs a value; find it with: python -c" in told
    with pytest.raises(ParametersIncompleteError, match=r"hub\.base_model_revision, hub\.publish_repo"):
        require_finished(plan)
    require_finished(plan, dry_run=True)


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("hub.publish_repo", "no = in it"),
        ("hub.nonsense=1", "no such category.key"),
        ("instance.id=i-0123456789abcdef0", "owned by stack"),
        ("hub.base_model_revision=main", "hub.base_model_revision: String should match pattern"),
        ("instance.allowed_types=not a type", "instance.allowed_types"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_before_anything_is_written(assignment, reason):
    with pytest.raises(ArgumentInvalidError) as refused:
        parse_assignments([assignment], SPECS)
    assert reason in str(refused.value)


def test_a_value_may_hold_an_equals_sign_and_all_problems_come_at_once():
    assert parse_assignments(["hub.publish_repo=group/model"], SPECS) == {"hub.publish_repo": "group/model"}
    with pytest.raises(ArgumentInvalidError, match=r"owned by stack.*no such category"):
        parse_assignments(["instance.id=x", "a.b=c=d"], SPECS)


def test_another_root_moves_every_name(ssm):
    specs = load_setting_specs(Path(__file__).resolve().parents[3] / "config" / "aws_config.yml", "/second/stage")
    init_parameters(ssm, specs, GIVEN)
    assert set(read_parameters(ssm, [spec.ssm_param for spec in specs])) >= {"/second/stage/hub/publish_repo"}
