"""Whether the training image is in the registry, by the digest that a run would pull."""

from __future__ import annotations

import re

from botocore.exceptions import ClientError

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn

URI = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[a-z0-9._/-]+?)"
    r"(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
ABSENT = {"ImageNotFoundException", "RepositoryNotFoundException"}
REBUILD = "Run the image workflow, which pushes the image and records its digest."


def look_at_image(context: Context) -> Finding:
    """Return whether the image is there; one that is named by tag alone is warned of."""
    uri = URI.fullmatch(context.setting("image.uri"))
    if uri is None:
        return warn("image.uri names another registry than ECR, which is not looked at", REBUILD)
    if not uri["tag"] and not uri["digest"]:
        return fail("image.uri names neither a digest nor a tag", REBUILD)
    named = {"imageDigest": uri["digest"]} if uri["digest"] else {"imageTag": uri["tag"]}
    what = f"{uri['name']} {(uri['digest'] or uri['tag'])[:19]}"
    try:
        context.account.client("ecr").describe_images(repositoryName=uri["name"], imageIds=[named])
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        return fail(f"the registry holds no {what}", REBUILD)
    if not uri["digest"]:
        return warn(f"{what} is there, named by its tag", f"Name it by digest. {REBUILD}")
    return ok(f"{what} is there")
