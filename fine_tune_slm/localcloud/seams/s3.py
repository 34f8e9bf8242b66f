"""S3: a checksum that does not match the body is refused, and one that matches is kept with the object.

moto stores any checksum it is given, and forgets one that comes without the SDK's algorithm header, as it does when
the caller states ChecksumSHA256. It would enforce a bucket's policy without its conditions, so that "deny plain HTTP"
would deny everything: that is left to the gate in fine_tune_slm/localcloud/iam.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from fine_tune_slm.localcloud.seams.seam import Seam

_CHECKSUM_HEADER = "x-amz-checksum-sha256"


class BadDigestError(S3ClientError):
    """The body is not what the checksum says it is."""

    __module__ = "moto.s3.exceptions"
    code = "BadDigest"

    def __init__(self) -> None:
        super().__init__("BadDigest", "The SHA256 you specified did not match the calculated checksum.")


def seams() -> list[Seam]:
    """Return the seams of S3."""
    return [
        Seam(S3Response, "put_object", ("self",), _verified_put),
        Seam(S3Response, "upload_part", ("self",), _verified_part),
        Seam(FakeBucket, "get_permission", ("self", "action", "resource"), lambda _: _unjudged),
    ]


def sha256_base64(body: bytes) -> str:
    """Return the checksum of the body as S3 spells it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _verified_put(original: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    def put_object(self: S3Response) -> Any:
        claimed = _verify(self)
        answer = original(self)
        if claimed:
            key: Any = self.backend.get_object(self.bucket_name, self.parse_key_name())
            key.checksum_algorithm, key.checksum_value = "SHA256", claimed
            answer[1][_CHECKSUM_HEADER] = claimed
        return answer

    return put_object


def _verified_part(original: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    def upload_part(self: S3Response) -> Any:
        _verify(self)
        return original(self)

    return upload_part


def _unjudged(_bucket: FakeBucket, _action: str, _resource: str) -> PermissionResult:
    return PermissionResult.NEUTRAL


def _verify(response: S3Response) -> str | None:
    claimed = response.headers.get(_CHECKSUM_HEADER)
    if claimed and claimed != sha256_base64(response.body or b""):
        raise BadDigestError
    return claimed
