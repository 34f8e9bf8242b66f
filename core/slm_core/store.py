"""The bucket: whole objects with their SHA-256, read, put and copied; nothing here lists."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from slm_core.aws import client, error_code

_MISSING_CODES = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
_PIECE_BYTES = 1 << 20


class ObjectStore:
    """One bucket."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self._s3 = client("s3")

    def read(self, key: str) -> bytes | None:
        """Return an object's content, or None when there is none."""
        try:
            content: bytes = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) in _MISSING_CODES:
                return None
            raise
        return content

    def put(self, key: str, content: bytes) -> None:
        """Put an object with its checksum."""
        self._s3.put_object(**self._put_request(key, content))

    def put_once(self, key: str, content: bytes) -> bool:
        """Put an object unless one is there, and return whether it was put."""
        try:
            self._s3.put_object(**self._put_request(key, content), IfNoneMatch="*")
        except ClientError as error:
            if error_code(error) in {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}:
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
