"""Puts a checked dataset into the bucket, named by its content, and makes it the one that the next run uses."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from slm_core.errors import SettingMissingError
from slm_core.layout import dataset_prefix, s3_uri
from slm_core.settings import SettingSpec

from fine_tune_slm.aws import ClientSource
from fine_tune_slm.dataset_check import CheckedDataset, CheckedFile
from fine_tune_slm.errors import DatasetRefusedError
from fine_tune_slm.parameters import read_parameters

BUCKET = "storage.bucket"
DATASET = "storage.dataset_sha256"


def publish_dataset(dataset: CheckedDataset, aws: ClientSource, specs: Sequence[SettingSpec]) -> str:
    """Upload a checked dataset, set its parameter, and return the s3:// URI of its prefix.

    Raises: DatasetRefusedError when anything is wrong with it, SettingMissingError when no stack is deployed.
    """
    refuse_problems(dataset)
    names = {spec.name: spec.ssm_param for spec in specs}
    ssm = aws.client("ssm")
    bucket = read_parameters(ssm, [names[BUCKET]]).get(names[BUCKET])
    if bucket is None:
        raise SettingMissingError(f"Parameter {names[BUCKET]} does not exist: the stack has not been deployed here")
    prefix = dataset_prefix(dataset.digest)
    upload(aws.client("s3"), bucket, prefix, dataset)
    ssm.put_parameter(Name=names[DATASET], Value=dataset.digest, Type="String", Overwrite=True)
    return s3_uri(bucket, prefix)


def refuse_problems(dataset: CheckedDataset) -> None:
    """Raise DatasetRefusedError when the dataset has problems."""
    if dataset.problems:
        raise DatasetRefusedError(f"The dataset has {len(dataset.problems)} problem(s); nothing was uploaded")


def upload(s3: Any, bucket: str, prefix: str, dataset: CheckedDataset) -> None:
    """Put every file under the prefix, the manifest last: a prefix with a manifest is complete."""
    files: tuple[CheckedFile, ...] = dataset.files if dataset.manifest is None else (*dataset.files, dataset.manifest)
    for file in files:
        s3.put_object(
            Bucket=bucket,
            Key=f"{prefix}{file.name}",
            Body=file.content,
            ChecksumSHA256=base64.b64encode(bytes.fromhex(file.sha256)).decode(),
        )
