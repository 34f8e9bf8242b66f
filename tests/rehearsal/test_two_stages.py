"""Two stages in one account, deployed by the rehearsal's own code: neither touches what belongs to the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fine_tune_slm.localcloud import LocalCloud
from fine_tune_slm.naming import parameter_root, stack_name
from fine_tune_slm.stage import set_up
from tests.rehearsal.conftest import TinyStage

STAGES = ("prod", "staging")


@pytest.fixture(scope="module")
def stages(tiny_settings, tiny_spec) -> Iterator[dict[str, TinyStage]]:
    """Both stages in one emulated account, each with its own settings, tokens and dataset."""
    with LocalCloud(tiny_settings) as cloud:
        yield {name: TinyStage(cloud, set_up(cloud, replace(tiny_spec, name=name))) for name in STAGES}


def physical_ids(stage: TinyStage, name: str) -> set[tuple[str, str]]:
    pages = stage.cloud.client("cloudformation").get_paginator("list_stack_resources")
    found = pages.paginate(StackName=stack_name(name)).search("StackResourceSummaries[]")
    # moto gives no id to permissions and attachments, which have no name of their own either
    return {(one["ResourceType"], one["PhysicalResourceId"]) for one in found if one["PhysicalResourceId"]}


def test_no_resource_belongs_to_both(stages):
    first, second = (physical_ids(stages[name], name) for name in STAGES)
    assert len(first) == len(second) > 80
    assert first & second == set()


def test_every_function_of_a_stage_is_led_to_that_stage(stages):
    functions = stages["prod"].cloud.client("lambda").get_paginator("list_functions").paginate().search("Functions[]")
    led = {one["FunctionName"]: one["Environment"]["Variables"] for one in functions}
    assert len(led) == 2 * 13
    for name, variables in led.items():
        stage = next(stage for stage in STAGES if name.startswith(f"{stack_name(stage)}-"))
        assert variables["PARAMETER_ROOT"] == parameter_root(stage)
        assert variables["BUCKET_NAME"] == stages[stage].stage.bucket
        assert variables["LEASE_TABLE"] == f"{stack_name(stage)}-lease"


def test_a_state_machine_reads_the_settings_of_its_own_stage(stages):
    missing = {
        "prod": f"{parameter_root('prod')}/image/uri",
        "staging": f"{parameter_root('staging')}/hub/publish_repo",
    }
    for name, parameter in missing.items():
        stages[name].cloud.client("ssm").delete_parameter(Name=parameter)
    for name, parameter in missing.items():
        card = stages[name].run(f"incomplete-{name}").card
        assert (card.error, card.state) == ("SettingMissingError", "PrepareRun")
        assert f"{parameter} " in card.cause
        assert card.cause.count("/fine-tune-slm/") == 1
