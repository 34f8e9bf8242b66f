"""The docker command line is understood as docker understands it, or refused."""

from __future__ import annotations

import pytest

from fine_tune_slm.localcloud.errors import ShimUsageError
from fine_tune_slm.localcloud.host.docker_arguments import RunRequest, mapped_path, parse_options, parse_run


def test_a_whole_run_command_is_understood():
    words = [
        *("--name", "job", "--label", "project=x", "--network", "host", "-v", "/data/volume:/checkpoints"),
        *("--log-driver", "awslogs", "--log-opt", "awslogs-group=/g", "--log-opt=awslogs-stream=s", "--rm", "-d"),
        *("-e", "AWS_REGION=us-east-1", "-e", "FROM_OUTSIDE", "-e", "NOT_SET", "image:1", "train", "--rm", "-x"),
    ]
    request = parse_run(words, {"FROM_OUTSIDE": "value"})
    assert request == RunRequest(
        name="job",
        image="image:1",
        arguments=("train", "--rm", "-x"),
        mounts={"/checkpoints": "/data/volume"},
        environment={"AWS_REGION": "us-east-1", "FROM_OUTSIDE": "value"},
        log_options={"awslogs-group": "/g", "awslogs-stream": "s"},
        labels={"project": "x"},
        is_detached=True,
        is_removed=True,
    )
    assert RunRequest.from_json(request.to_json()) == request


def test_another_log_driver_leads_nowhere_near_cloudwatch():
    assert parse_run(["--log-opt", "max-size=1m", "image"], {}).log_options == {}


def test_a_container_without_a_name_gets_one_of_its_own():
    assert parse_run(["image"], {}).name != parse_run(["image"], {}).name


@pytest.mark.parametrize("words", [["--privileged", "image"], ["--name"], [], ["-v", "nowhere", "image"]])
def test_what_is_not_understood_is_refused(words):
    with pytest.raises(ShimUsageError):
        parse_run(words, {})


def test_a_lonely_dash_is_no_option():
    assert parse_options(["--quiet", "-", "s3://b/k"], {"--quiet"}, set()).rest == ["-", "s3://b/k"]


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("/checkpoints", "/v"),
        ("/checkpoints/runs/1", "/v/runs/1"),
        ("--work-dir=/checkpoints/x", "--work-dir=/v/x"),
        ("/checkpoints-old", "/checkpoints-old"),
        ("s3://bucket/checkpoints", "s3://bucket/checkpoints"),
        ("KEY=/checkpoints", "KEY=/checkpoints"),
    ],
)
def test_paths_of_the_container_lead_to_the_volume(text, mapped):
    assert mapped_path(text, {"/checkpoints": "/v"}) == mapped
