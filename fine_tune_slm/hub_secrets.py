"""The Hub's tokens in the stack's secrets, for use at once: never printed, logged or kept."""

from __future__ import annotations

from botocore.exceptions import ClientError
from slm_core import hub
from slm_core.errors import HubTokenMissingError
from slm_core.parameters import secret_name

from fine_tune_slm.aws import ClientSource
from fine_tune_slm.deployed_stack import PREPARE_RUN, DeployedStack

READ_TOKEN, WRITE_TOKEN = "hub.read_token_secret_id", "hub.write_token_secret_id"
PUBLIC_HUB = "https://huggingface.co"


def stored_token(account: ClientSource, secret_id: str) -> str | None:
    """Return the token in a secret; None when the secret does not exist or is empty."""
    try:
        found = account.client("secretsmanager").get_secret_value(SecretId=secret_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return str(found.get("SecretString", "")).strip() or None


def hub_access(account: ClientSource, stack: DeployedStack, secret_id: str) -> hub.Access:
    """Return the token in a secret, with the Hub that the stack's functions talk to.

    Raises: HubTokenMissingError.
    """
    token = stored_token(account, secret_id)
    if token is None:
        raise HubTokenMissingError(f"Secret {secret_name(secret_id)} does not exist or is empty")
    endpoint = stack.function_environment(PREPARE_RUN).get("HF_ENDPOINT", PUBLIC_HUB)
    return hub.Access(endpoint, token, secret_name(secret_id))
