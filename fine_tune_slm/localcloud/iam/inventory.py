"""What a judgement depends on besides the request: tags, which objects there are, bucket policies, names of secrets."""

from __future__ import annotations

import json
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends

from fine_tune_slm.localcloud.iam.policy import Statement, read_resource_statements


class Inventory:
    """The emulated account in one region."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.account_id = DEFAULT_ACCOUNT_ID

    def arn(self, service: str, rest: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{rest}"

    def instance_tags(self, instance_id: str) -> dict[str, str]:
        """Return an instance's tags; none when there is no such instance."""
        tags = ec2_backends[self.account_id][self.region].tags.get(instance_id, {})
        return {str(key): str(value) for key, value in tags.items()}

    def has_object(self, bucket: str, key: str) -> bool:
        """Return whether a bucket has an object."""
        s3 = s3_backends[self.account_id]["aws"]
        return bucket in s3.buckets and s3.get_object(bucket, key) is not None

    def bucket_statements(self, bucket: str) -> tuple[Statement, ...]:
        """Return the statements of a bucket's policy.

        Raises: PolicyUnsupportedError.
        """
        found = s3_backends[self.account_id]["aws"].buckets.get(bucket)
        policy: Any = found.policy if found else None
        return read_resource_statements(f"the policy of bucket {bucket}", json.loads(policy)) if policy else ()

    def secret_arn(self, secret_id: str) -> str:
        """Return a secret's ARN by its ARN or name; a missing one has the name alone."""
        if secret_id.startswith("arn:"):
            return secret_id
        secret: Any = secretsmanager_backends[self.account_id][self.region].secrets.get(secret_id)
        return str(secret.arn) if secret else self.arn("secretsmanager", f"secret:{secret_id}")
