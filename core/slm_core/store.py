"""The bucket: whole objects with their SHA-256, read, put and copied; nothing here lists."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from slm_core.aws import client, error_code

_MISSING_CODES = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
_PIECE_BYTES = 1 << 20


class Version(NamedTuple):
    """An object as it was at one moment."""

    content: bytes
    etag: str


class ObjectStore:
    """One bucket."""

    def __init__(self, bucket: str, s3: Any = None) -> None:
        self.bucket = bucket
        self._s3 = s3 or client("s3")

    def read(self, key: str) -> bytes | None:
        """Return an object's content, or None when there is none."""
        version = self.read_version(key)
        return None if version is None else version.content

    def read_version(self, key: str) -> Version | None:
        """Return an object's content with the name of this version of it, or None when there is no object."""
        try:
            found = self._s3.get_object(Bucket=self.bucket, Key=key)
            return Version(found["Body"].read(), found["ETag"])
        except ClientError as error:
            if error_code(error) in _MISSING_CODES:
                return None
            raise

    def put(self, key: str, content: bytes) -> None:
        """Put an object with its checksum."""
        self._s3.put_object(**self._put_request(key, content))

    def put_once(self, key: str, content: bytes) -> bool:
        """Put an object unless one is there, and return whether it was put."""
        return self.put_version(key, content, None)

    def put_version(self, key: str, content: bytes, replaced: Version | None) -> bool:
        """Put an object if it is still this version, or still missing; return whether it was put.

        Raises: ClientError for a 409 too: another write is under way, and nobody knows yet which of the two counts.
        """
        condition = {"IfMatch": replaced.etag} if replaced else {"IfNoneMatch": "*"}
        try:
            self._s3.put_object(**self._put_request(key, content), **condition)
        except ClientError as error:
            if error_code(error) in {"PreconditionFailed", "412"} | (_MISSING_CODES if replaced else set()):
                return False
            raise
        return True

    def delete(self, key: str) -> None:
        """Delete an object; a missing one is no error."""
        self._s3.delete_object(Bucket=self.bucket, Key=key)

    def sha256(self, key: str) -> str | None:
        """Return the SHA-256 of an object, as stored with it or by reading it; None when there is no object."""
        try:
            head = self._s3.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error_code(error) in _MISSING_CODES:
                return None
            raise
        stored = head.get("ChecksumSHA256")
        # a multipart object's checksum is one of checksums ("...-3"): it says nothing about the whole
        if stored and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" and "-" not in stored:
            return base64.b64decode(stored).hex()
        return self._sha256_by_reading(key)

    def copy(self, source_key: str, target_key: str) -> None:
        """Copy an object within the bucket; S3 computes the checksum of what it wrote."""
        self._s3.copy_object(
            Bucket=self.bucket,
            Key=target_key,
            CopySource={"Bucket": self.bucket, "Key": source_key},
            ChecksumAlgorithm="SHA256",
        )

    def download(self, key: str, path: Path) -> str:
        """Write an object to a file, piece by piece, and return the SHA-256 of what was written."""
        digest = hashlib.sha256()
        with path.open("wb") as stream:
            for piece in self._pieces(key):
                digest.update(piece)
                stream.write(piece)
        return digest.hexdigest()

    def _sha256_by_reading(self, key: str) -> str:
        digest = hashlib.sha256()
        for piece in self._pieces(key):
            digest.update(piece)
        return digest.hexdigest()

    def _pieces(self, key: str) -> Any:
        return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].iter_chunks(_PIECE_BYTES)

    def _put_request(self, key: str, content: bytes) -> dict[str, Any]:
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return {"Bucket": self.bucket, "Key": key, "Body": content, "ChecksumSHA256": checksum}
