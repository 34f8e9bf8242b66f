"""Fixtures of the training package's unit tests; none of them imports torch."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from slm_core.records import BaseModelRef, HubTarget, RunSpec
from slm_core.training_config import load_training_config

CONFIG = Path(__file__).parents[3] / "config" / "training_config.local.yml"


@pytest.fixture
def spec():
    """The specification of a rehearsal's run."""
    config = load_training_config(CONFIG)
    return RunSpec(
        run_id="run-1",
        run_name="unit",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        execution_arn="arn:aws:states:us-east-1:000000000000:execution:machine:run-1",
        fence=3,
        bucket="bucket",
        dataset_sha256="a" * 64,
        base_model=BaseModelRef(repo_id=config.base_model.repo_id, revision="b" * 40),
        hub=HubTarget(endpoint="http://127.0.0.1:1", read_token_secret_id="hub/read", publish_repo="team/adapter"),
        image="registry.test/image@sha256:0",
        config=config,
        instance_types=("g6.2xlarge",),
        resume_from=None,
        git_commit="0123abc",
    )
