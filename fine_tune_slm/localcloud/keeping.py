"""What stays on disk after a run: the buckets' objects and the executions' histories."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

_CHUNK_BYTES = 1 << 20


def keep_objects(s3: Any, directory: Path, skip: frozenset[str]) -> None:
    """Write every object of every bucket to directory/<bucket>/<key>, and remove files that are objects no more."""
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if name not in skip:
            _keep_bucket(s3, name, directory / name)


def keep_history(states: Any, execution_arn: str, directory: Path) -> Path:
    """Return the file that now holds the execution's description and its whole history."""
    description = states.describe_execution(executionArn=execution_arn)
    events = states.get_execution_history(executionArn=execution_arn, maxResults=1000)["events"]
    description.pop("ResponseMetadata", None)
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{execution_arn.rsplit(':', 1)[-1]}.json"
    text = json.dumps({"execution": description, "events": events}, indent=1, default=str)
    file.write_text(text + "\n", encoding="utf-8")
    return file


def keep_histories(states: Any, directory: Path) -> None:
    """Write the history of every execution of every state machine."""
    for machine in states.list_state_machines()["stateMachines"]:
        for execution in states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            keep_history(states, execution["executionArn"], directory)


def _keep_bucket(s3: Any, bucket: str, directory: Path) -> None:
    keys = [
        entry["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", [])
    ]
    if directory.exists():
        shutil.rmtree(directory)
    for key in keys:
        target = directory / key
        if not target.resolve().is_relative_to(directory.resolve()) or key.endswith("/"):
            continue  # a key may say anything; a file may not
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK_BYTES):
                file.write(chunk)
