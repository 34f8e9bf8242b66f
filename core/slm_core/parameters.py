"""Parameter Store and Secrets Manager: the settings, and the Hub's tokens by their ids."""

from __future__ import annotations

from pathlib import Path

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError

from slm_core.aws import client, error_code
from slm_core.errors import HubTokenMissingError
from slm_core.settings import AwsSettings, build_settings, load_setting_specs


def read_settings(config_path: Path, parameter_root: str) -> AwsSettings:
    """Return what aws_config.yml names, read from below the root in one call.

    Raises: SettingMissingError, SettingInvalidError, DatasetMissingError, each naming the parameters.
    """
    specs = load_setting_specs(config_path, parameter_root)
    stored = _parameters_below(parameter_root)
    return build_settings(specs, stored)


def _parameters_below(root: str) -> dict[str, str]:
    # no cache: a warm function must see a parameter that was corrected a second ago
    provider = SSMProvider(boto3_client=client("ssm"))
    try:
        found = provider.get_multiple(root, recursive=True, force_fetch=True)
    except GetParameterError as error:
        # powertools keeps AWS's own error, which the step frame knows how to name, as the context
        if isinstance(error.__context__, (ClientError, BotoCoreError)):
            raise error.__context__ from None
        raise
    return {f"{root}/{name.lstrip('/')}": str(value) for name, value in found.items()}


def read_token(secret_id: str) -> str:
    """Return the token in a secret, for use at once and never for a log or the state.

    Raises: HubTokenMissingError when the secret does not exist or is empty.
    """
    try:
        token = str(client("secretsmanager").get_secret_value(SecretId=secret_id).get("SecretString", "")).strip()
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise HubTokenMissingError(f"Secret {secret_name(secret_id)} does not exist or is empty") from error
        raise
    if not token:
        raise HubTokenMissingError(f"Secret {secret_name(secret_id)} is empty")
    return token


def secret_name(secret_id: str) -> str:
    """Return a secret's name without the ARN around it, which would name the account."""
    name = secret_id.rsplit(":secret:", 1)[-1]
    return name if name == secret_id else name.rsplit("-", 1)[0]
