"""Refuses, with exit code 1, while an execution of a stage's workflow runs: a deployment changes what it stands on.

Its Lambda code would stay (published versions), but roles, settings, the Command document and the instance would not.

    python -m scripts.pipeline.require_idle --stage prod
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import boto3

from fine_tune_slm.naming import stack_name


def running(cloudformation: Any, states: Any, stage: str) -> list[str]:
    """Return the names of the executions that run."""
    stack = cloudformation.describe_stacks(StackName=stack_name(stage))["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    answer = states.list_executions(stateMachineArn=outputs["StateMachineArn"], statusFilter="RUNNING")
    return [one["name"] for one in answer["executions"]]


def main() -> None:
    """Say what runs, if anything does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", required=True)
    stage = parser.parse_args().stage
    names = running(boto3.client("cloudformation"), boto3.client("stepfunctions"), stage)
    if names:
        sys.exit(f"{', '.join(names)} runs: deploy when it has ended, or stop it first (docs/runbook.md)")
    print(f"nothing runs in {stage}")


if __name__ == "__main__":
    main()
