"""The training image in a stage's repository: is a commit's there, and make it the one that the next run uses.

    python -m scripts.pipeline.image is-pushed --stage prod --commit SHA
    python -m scripts.pipeline.image record --stage prod --commit SHA

`record` waits for ECR's scan and refuses an image with critical findings; the parameter names the image by digest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from fine_tune_slm.naming import parameter_root, stack_name

SCANNED = {"COMPLETE", "ACTIVE"}  # ACTIVE: Inspector's scan, which goes on for as long as the image is there
SCAN_ATTEMPTS = 60
SCAN_PAUSE_SECONDS = 10


class ImageRefusedError(Exception):
    """The image must not be used; the message says why and what to do."""


@dataclass(frozen=True)
class Pushed:
    """An image of the repository."""

    repository: str
    uri: str
    digest: str


def pushed_image(ecr: Any, stage: str, commit: str) -> Pushed | None:
    """Return the commit's image, or None when it is not in the repository."""
    repository = f"{stack_name(stage)}-training"
    try:
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": commit}])["imageDetails"][0]
    except ecr.exceptions.ImageNotFoundException:
        return None
    uri = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
    return Pushed(repository, uri, found["imageDigest"])


def severities(ecr: Any, image: Pushed, sleep: Callable[[float], None] = time.sleep) -> dict[str, int]:
    """Return how many findings of each severity ECR's scan has, once it is complete.

    Raises: ImageRefusedError when there is no scan within ten minutes, or the image cannot be scanned.
    """
    for _ in range(SCAN_ATTEMPTS):
        status, counts = _scan(ecr, image)
        if status in SCANNED:
            return counts
        if status not in {"PENDING", "IN_PROGRESS"}:
            break
        sleep(SCAN_PAUSE_SECONDS)
    raise ImageRefusedError(f"The scan of {image.digest} is {status}; look at it in ECR's console and start this again")


def record(ssm: Any, image: Pushed, stage: str, counts: dict[str, int]) -> str:
    """Return the URI that the stage's parameter now holds, by digest.

    Raises: ImageRefusedError when a finding is critical; the parameter stays as it was.
    """
    if counts.get("CRITICAL"):
        raise ImageRefusedError(
            f"{counts['CRITICAL']} critical findings in {image.digest}; build again on a newer base image (BASE_IMAGE)"
        )
    uri = f"{image.uri}@{image.digest}"
    ssm.put_parameter(Name=f"{parameter_root(stage)}/image/uri", Value=uri, Type="String", Overwrite=True)
    return uri


def _scan(ecr: Any, image: Pushed) -> tuple[str, dict[str, int]]:
    try:
        scan = ecr.describe_image_scan_findings(
            repositoryName=image.repository, imageId={"imageDigest": image.digest}, maxResults=1
        )
    except ecr.exceptions.ScanNotFoundException:  # right after the push
        return "PENDING", {}
    return scan["imageScanStatus"]["status"], scan.get("imageScanFindings", {}).get("findingSeverityCounts", {})


def main() -> int:
    """Return the exit code; `is-pushed` gives 3 when the image is not there."""
    arguments = _arguments()
    ecr = boto3.client("ecr")
    image = pushed_image(ecr, arguments.stage, arguments.commit)
    if arguments.action == "is-pushed":
        return 0 if image else 3
    if image is None:
        sys.exit(f"No image of {arguments.commit} in the repository of {arguments.stage}: push it first")
    try:
        counts = severities(ecr, image)
        print("scan:", ", ".join(f"{count} {name.lower()}" for name, count in counts.items()) or "nothing found")
        print("the next run uses", record(boto3.client("ssm"), image, arguments.stage, counts))
    except ImageRefusedError as error:
        sys.exit(str(error))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["is-pushed", "record"])
    parser.add_argument("--stage", required=True)
    parser.add_argument("--commit", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
