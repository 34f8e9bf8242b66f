"""An image becomes the one that the next run uses when it was scanned and nothing critical was found."""

import json

import boto3
import pytest
from moto import mock_aws

from scripts.pipeline.image import ImageRefusedError, Pushed, pushed_image, record, severities

COMMIT = "a" * 40
REPOSITORY = "fine-tune-slm-prod-training"


@pytest.fixture
def ecr():
    """ECR with the stage's repository and the image of one commit."""
    with mock_aws():
        ecr = boto3.client("ecr", "us-east-1")
        ecr.create_repository(repositoryName=REPOSITORY)
        ecr.put_image(repositoryName=REPOSITORY, imageManifest=json.dumps(manifest()), imageTag=COMMIT)
        yield ecr


@pytest.fixture
def ssm(ecr):
    """Parameter Store of the same account."""
    return boto3.client("ssm", "us-east-1")


def manifest():
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": f"sha256:{'b' * 64}"}
    return {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}


def scanner(*answers):
    """Return an ECR whose scan answers in turn."""
    left = list(answers)

    class Scanner:
        exceptions = boto3.client("ecr", "us-east-1").exceptions

        def describe_image_scan_findings(self, **_request):
            answer = left.pop(0)
            if answer is None:
                raise self.exceptions.ScanNotFoundException({"Error": {}}, "DescribeImageScanFindings")
            return answer

    return Scanner()


def scan(status, **counts):
    return {"imageScanStatus": {"status": status}, "imageScanFindings": {"findingSeverityCounts": counts}}


IMAGE = Pushed(REPOSITORY, f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}", f"sha256:{'c' * 64}")


def test_a_commits_image_is_found_by_its_tag_and_another_commits_is_not(ecr):
    image = pushed_image(ecr, "prod", COMMIT)
    assert image.uri.endswith(f"/{REPOSITORY}")
    assert image.digest.startswith("sha256:")
    assert pushed_image(ecr, "prod", "d" * 40) is None


def test_the_scan_of_a_pushed_image_is_read(ecr):
    image = pushed_image(ecr, "prod", COMMIT)
    ecr.start_image_scan(repositoryName=REPOSITORY, imageId={"imageDigest": image.digest})
    assert set(severities(ecr, image)) <= {"CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"}


def test_a_scan_that_has_not_begun_or_ended_is_waited_for():
    pauses = []
    found = severities(scanner(None, scan("IN_PROGRESS"), scan("COMPLETE", HIGH=2)), IMAGE, pauses.append)
    assert found == {"HIGH": 2}
    assert len(pauses) == 2


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE"])
def test_an_image_that_cannot_be_scanned_is_refused_at_once(status):
    with pytest.raises(ImageRefusedError, match=status):
        severities(scanner(scan(status)), IMAGE, lambda _seconds: pytest.fail("waits for nothing"))


def test_a_scan_that_never_ends_is_given_up():
    with pytest.raises(ImageRefusedError, match="IN_PROGRESS"):
        severities(scanner(*[scan("IN_PROGRESS")] * 60), IMAGE, lambda _seconds: None)


def test_the_parameter_names_the_image_by_digest(ssm):
    assert record(ssm, IMAGE, "prod", {"HIGH": 2}) == f"{IMAGE.uri}@{IMAGE.digest}"
    kept = ssm.get_parameter(Name="/fine-tune-slm/prod/image/uri")["Parameter"]["Value"]
    assert kept == f"{IMAGE.uri}@{IMAGE.digest}"


def test_a_critical_finding_leaves_the_parameter_as_it_was(ssm):
    ssm.put_parameter(Name="/fine-tune-slm/prod/image/uri", Value="before", Type="String")
    with pytest.raises(ImageRefusedError, match="1 critical"):
        record(ssm, IMAGE, "prod", {"CRITICAL": 1})
    assert ssm.get_parameter(Name="/fine-tune-slm/prod/image/uri")["Parameter"]["Value"] == "before"
