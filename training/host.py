"""The AWS side of the training process: run.json and the dataset in, heartbeats and artifacts out.

The host may write below staging/<run_id>/ only. Every object is one PutObject with its SHA-256, because the checksum of
a multipart upload is not the file's.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import ValidationError
from slm_core.errors import ConfigInvalidError, HubTokenMissingError
from slm_core.layout import MANIFEST_NAME, RunKeys, split_s3_uri
from slm_core.records import Manifest, Progress, RunSpec
from slm_core.training_config import problems

PATIENT = Config(retries={"mode": "standard", "max_attempts": 6})
# a heartbeat that cannot be sent must not hold up a training step
HASTY = Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=3, read_timeout=5)
MISSING_CODES = {"NoSuchKey", "404", "NoSuchBucket", "ResourceNotFoundException"}


def aws_client(service: str, config: Config = PATIENT) -> Any:
    """Return a boto3 client; endpoint and credentials come from the environment."""
    make: Any = boto3.client  # its overloads want a literal service name
    return make(service, region_name=os.environ.get("AWS_REGION"), config=config)


def is_missing(error: ClientError) -> bool:
    """Say whether AWS answered that the thing asked for does not exist."""
    return error.response.get("Error", {}).get("Code") in MISSING_CODES


def read_run_spec(run_uri: str) -> RunSpec:
    """Return the run's specification.

    Raises: ConfigInvalidError when it is not there or not valid.
    """
    bucket, key = split_s3_uri(run_uri)
    try:
        body = aws_client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return RunSpec.model_validate_json(body)
    except ValidationError as error:
        raise ConfigInvalidError(f"run.json is invalid: {problems(error)}") from None
    except ClientError as error:
        if is_missing(error):
            raise ConfigInvalidError(f"There is no {run_uri}") from error
        raise


def read_secret(secret_id: str) -> str:
    """Return the text of a secret.

    Raises: HubTokenMissingError when the secret does not exist or is empty.
    """
    try:
        value = aws_client("secretsmanager").get_secret_value(SecretId=secret_id).get("SecretString", "").strip()
    except ClientError as error:
        if is_missing(error):
            raise HubTokenMissingError(f"The secret {secret_id} does not exist or has no value") from error
        raise
    if not value:
        raise HubTokenMissingError(f"The secret {secret_id} is empty")
    return str(value)


class Staging:
    """What the host writes for one run: its heartbeat and, at the end, its artifacts."""

    def __init__(self, spec: RunSpec) -> None:
        self._bucket = spec.bucket
        self._keys = RunKeys(spec.run_id)
        self._patient = aws_client("s3")
        self._hasty = aws_client("s3", HASTY)

    def put_progress(self, progress: Progress) -> None:
        """Replace the run's progress.json."""
        body = progress.model_dump_json().encode()
        self._hasty.put_object(Bucket=self._bucket, Key=self._keys.progress, Body=body, ChecksumAlgorithm="SHA256")

    def upload(self, directory: Path, manifest: Manifest) -> None:
        """Upload the files that the manifest names and then the manifest itself, whose arrival means completeness."""
        for entry in manifest.files:
            self._put_file(directory / entry.path, entry.path, entry.sha256)
        body = (directory / MANIFEST_NAME).read_bytes()
        self._patient.put_object(
            Bucket=self._bucket, Key=self._keys.staged_manifest, Body=body, ChecksumAlgorithm="SHA256"
        )

    def _put_file(self, path: Path, name: str, sha256: str) -> None:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        with path.open("rb") as stream:
            self._patient.put_object(
                Bucket=self._bucket, Key=f"{self._keys.staged_artifacts}{name}", Body=stream, ChecksumSHA256=checksum
            )
