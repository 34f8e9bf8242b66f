"""Which AWS account a command talks to, and what its refusals mean for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from slm_core.settings import SettingSpec, load_setting_specs
from slm_core.training_config import problems

from fine_tune_slm.errors import ArgumentInvalidError, AwsRefusedError, AwsSettingsError, AwsUnreachableError
from fine_tune_slm.naming import parameter_root as parameter_root_of

CONFIG_FILE = Path("config/aws_config.yml")
DEFAULT_ROOT = parameter_root_of()
PASSING_CODES = {
    "ConditionalRequestConflict",
    "InternalError",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
}


class ClientSource(Protocol):
    """Whatever hands out boto3 clients: an account, or the emulated AWS."""

    def client(self, service: str) -> Any:
        """Return a client of one service."""
        ...


class AwsTarget(BaseModel):
    """The account of a command; None leaves the choice to the SDK (environment, profile)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = Field(default=None, pattern=r"^https?://[\w.\[\]:-]+(/.*)?$")
    parameter_root: str = Field(default=DEFAULT_ROOT, pattern=r"^(/[\w.-]+)+$")

    @cached_property
    def session(self) -> Any:
        """Return the session of all clients: each of its own would read botocore's models again."""
        import boto3  # noqa: PLC0415 - 0.2 s that --help must not pay

        return boto3.session.Session(profile_name=self.profile, region_name=self.region)

    def client(self, service: str) -> Any:
        """Return a boto3 client of this account."""
        return self.session.client(service, endpoint_url=self.endpoint_url)

    def setting_specs(self, project: Path) -> tuple[SettingSpec, ...]:
        """Return the entries of config/aws_config.yml under this account's parameter root."""
        return load_setting_specs(project / CONFIG_FILE, self.parameter_root)


def target(
    profile: str | None, region: str | None, endpoint_url: str | None, parameter_root: str = DEFAULT_ROOT
) -> AwsTarget:
    """Return the account that a command's options name.

    Raises: ArgumentInvalidError.
    """
    try:
        return AwsTarget(profile=profile, region=region, endpoint_url=endpoint_url, parameter_root=parameter_root)
    except ValidationError as error:
        raise ArgumentInvalidError(f"The options cannot be used: {problems(error)}") from None


@contextmanager
def aws_refusals_explained() -> Iterator[None]:
    """Turn botocore's errors into one line with a remedy; AWS's message may hold ids, so only its code is told.

    Raises: AwsSettingsError, AwsRefusedError, AwsUnreachableError.
    """
    from botocore import exceptions  # noqa: PLC0415

    try:
        yield
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        kind = AwsUnreachableError if code in PASSING_CODES else AwsRefusedError
        raise kind(f"AWS refused {error.operation_name} with {code}") from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise AwsUnreachableError(f"AWS did not answer ({type(error).__name__})") from error
    except exceptions.BotoCoreError as error:
        raise AwsSettingsError(f"The AWS client cannot be used: {error}") from error
