"""Settings from Parameter Store and tokens from Secrets Manager."""

import pytest
from botocore.exceptions import ClientError
from slm_core.aws import client
from slm_core.errors import DatasetMissingError, HubTokenMissingError, SettingInvalidError, SettingMissingError
from slm_core.parameters import read_settings, read_token, secret_name

from tests.unit.emulated_account import refusing, store_settings


def test_settings_are_read_from_below_the_root(account):
    store_settings(account)
    settings = read_settings(account.env.aws_config_path, account.env.parameter_root)
    assert settings.instance.id == account.instance_id
    assert settings.instance.allowed_types == ("g6.2xlarge", "g5.2xlarge")


def test_more_parameters_than_one_page_are_read(account):
    store_settings(account)
    for number in range(12):
        name = f"{account.env.parameter_root}/another/{number}"
        client("ssm").put_parameter(Name=name, Value="x", Type="String")
    assert (
        read_settings(account.env.aws_config_path, account.env.parameter_root).hub.publish_repo == "local/Llama-adapter"
    )


def test_every_missing_parameter_is_named(account):
    store_settings(account, without=("instance/id", "image/uri"))
    with pytest.raises(SettingMissingError, match=r"instance/id .*image/uri"):
        read_settings(account.env.aws_config_path, account.env.parameter_root)


def test_a_dataset_that_was_never_published_is_an_error_of_its_own(account):
    store_settings(account, without=("storage/dataset_sha256",))
    with pytest.raises(DatasetMissingError):
        read_settings(account.env.aws_config_path, account.env.parameter_root)


def test_a_malformed_parameter_is_named_without_its_value(account):
    store_settings(account, **{"instance/id": "my laptop"})
    with pytest.raises(SettingInvalidError, match=r"instance\.id") as raised:
        read_settings(account.env.aws_config_path, account.env.parameter_root)
    assert "laptop" not in str(raised.value)


def test_a_token_is_read_without_the_line_break_of_the_editor(account):
    client("secretsmanager").create_secret(Name=account.secret("token"), SecretString="hf_token\n")
    assert read_token(account.secret("token")) == "hf_token"


@pytest.mark.parametrize("content", [{}, {"SecretString": "  \n"}])
def test_an_empty_secret_is_named(account, content):
    name = account.secret("token")
    client("secretsmanager").create_secret(Name=name, **content)
    with pytest.raises(HubTokenMissingError, match=name):
        read_token(name)


def test_a_secret_that_does_not_exist_is_named(account):
    with pytest.raises(HubTokenMissingError, match="Secret nowhere does not exist"):
        read_token("nowhere")


@pytest.mark.parametrize(
    ("secret_id", "name"),
    [
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:stack/hub-read-token-AbCdEf", "stack/hub-read-token"),
        ("stack/hub-read-token", "stack/hub-read-token"),
    ],
)
def test_a_secrets_name_does_not_name_the_account(secret_id, name):
    assert secret_name(secret_id) == name


def test_aws_own_error_comes_out_of_powertools(account, monkeypatch):
    refusing("ssm", {"GetParametersByPath": "ThrottlingException"}, monkeypatch)
    with pytest.raises(ClientError) as refusal:
        read_settings(account.env.aws_config_path, account.env.parameter_root)
    assert refusal.value.response["Error"]["Code"] == "ThrottlingException"
