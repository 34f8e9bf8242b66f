"""`fine-tune-slm doctor` in an emulated account that was made from template.yaml as its owner would make it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slm_core.settings import load_setting_specs

from fine_tune_slm.aws import CONFIG_FILE
from fine_tune_slm.doctor.context import Context, Occasion, Request
from fine_tune_slm.doctor.examination import examine, exit_code
from fine_tune_slm.naming import stack_name

READING = ("Describe", "Get", "Head", "List")
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class Quotas:
    """What moto lacks: the account's quota of GPU instances."""

    def get_service_quota(self, **_: str) -> dict[str, Any]:
        return {"Quota": {"Value": 8.0}}


class Watched:
    """The account of a stage, with a note of every operation that is asked of it."""

    def __init__(self, stage: Any) -> None:
        self._stage = stage
        self.operations: set[str] = set()

    def client(self, service: str) -> Any:
        if service == "service-quotas":
            return Quotas()
        client = self._stage.cloud.client(service)
        client.meta.events.register("before-call", self._note, unique_id=f"watched-{service}")
        return client

    def _note(self, model: Any, **_: Any) -> None:
        self.operations.add(model.name)


@pytest.fixture
def context(tiny_stage, tiny_project, tiny_dataset, tmp_path):
    request = Request(Occasion.DEPLOYED, tiny_project, tmp_path, tiny_dataset, None, stack_name())
    specs = load_setting_specs(tiny_project / CONFIG_FILE, tiny_stage.stage.outputs["ParameterRoot"])
    return Context(request, Watched(tiny_stage), specs)


@pytest.fixture
def _sweeper_ran(tiny_stage):
    """What CloudWatch makes of the sweeper's log, out of which the emulator reads no metrics."""
    service = [{"Name": "service", "Value": stack_name()}]
    at = datetime.now(UTC) - timedelta(minutes=1)
    metric = {"MetricName": "SweeperRan", "Dimensions": service, "Value": 1, "Timestamp": at}
    tiny_stage.cloud.client("cloudwatch").put_metric_data(Namespace="FineTuneSlm", MetricData=[metric])


@pytest.fixture
def _image_pushed(tiny_stage):
    """What the image workflow does, under the tag that a rehearsal's image has."""
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": {}, "layers": []})
    name = tiny_stage.stage.outputs["RepositoryUri"].partition("/")[2]
    tiny_stage.cloud.client("ecr").put_image(repositoryName=name, imageManifest=manifest, imageTag="rehearsal")


@pytest.mark.usefixtures("_sweeper_ran", "_image_pushed")
def test_what_the_template_makes_is_in_order_and_only_looked_at(context):
    examined = list(examine(context))
    unlike_ok = {one.name: one.finding.told for one in examined if one.finding.verdict != "ok"}
    # a rehearsal's image is named by its tag: it is never pulled
    assert unlike_ok == {"image": "fine-tune-slm-prod-training rehearsal is there, named by its tag"}
    assert exit_code(examined) == 0
    assert len(context.account.operations) > 10
    assert [name for name in context.account.operations if not name.startswith(READING)] == []
