"""boto3 clients that talk to the emulated AWS, each made once, as the caller or as a role."""

from __future__ import annotations

import re
import threading
from typing import Any

import boto3
from botocore.config import Config

from fine_tune_slm.localcloud.server import CALLER_CREDENTIALS

# A Task may wait for a 900 s Lambda; a call that was not answered must not be made twice.
_PATIENT = Config(read_timeout=1_000, retries={"total_max_attempts": 1}, max_pool_connections=32)


class Clients:
    """Clients of one emulated AWS."""

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._endpoint_url = endpoint_url
        self._region = region
        self._cache: dict[tuple[str, str | None], Any] = {}
        self._lock = threading.RLock()

    def get(self, service: str, role_arn: str | None = None) -> Any:
        """Return a client of the service, with the role's temporary credentials when one is named."""
        with self._lock:
            key = (service, role_arn)
            if key not in self._cache:
                environment = self.credentials(role_arn) if role_arn else CALLER_CREDENTIALS
                self._cache[key] = self._make(service, environment)
            return self._cache[key]

    def credentials(self, role_arn: str, session: str = "local") -> dict[str, str]:
        """Return new temporary credentials of the role, as environment variables."""
        name = re.sub(r"[^\w+=,.@-]", "-", session)[:64]
        issued = self.get("sts").assume_role(RoleArn=role_arn, RoleSessionName=name)["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
            "AWS_SESSION_TOKEN": issued["SessionToken"],
        }

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for client in self._cache.values():
                client.close()
            self._cache.clear()

    def _make(self, service: str, environment: dict[str, str]) -> Any:
        session: Any = boto3.session.Session()
        return session.client(
            service,
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            config=_PATIENT,
        )
