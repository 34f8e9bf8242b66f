"""The checks of tokens and Hub, against a local Hub."""

import pytest
from slm_core.aws import client
from slm_core.errors import BaseModelMissingError, HubTokenMissingError, HubTokenRefusedError, HubUnavailableError

from fine_tune_slm.doctor.checks.base_model import look_at_base_model
from fine_tune_slm.doctor.checks.hub_tokens import look_at_read_token, look_at_write_token
from fine_tune_slm.doctor.checks.hub_writing import look_at_hub_writing
from fine_tune_slm.doctor.finding import Verdict
from fine_tune_slm.localcloud.hub.store import Access

BASE_MODEL = "meta-llama/Llama-3.1-8B-Instruct"
TOKEN = "hf_" + "a" * 34


def without_publication(world):
    context = world.context()
    publish = context.config.publish.model_copy(update={"enabled": False})
    context.__dict__["config"] = context.config.model_copy(update={"publish": publish})
    return context


@pytest.mark.parametrize("content", ["{'token': 'x'}", f'{{"token": "{TOKEN}"}}', f"{TOKEN} {TOKEN}", "höf_"])
def test_what_cannot_be_a_token_fails_and_is_not_shown(world, content):
    world.put_secret("read", content)
    found = look_at_read_token(world.context())
    assert found.verdict is Verdict.FAIL
    assert content not in found.told + found.remedy
    assert world.account.secret("read") in found.told


def test_what_does_not_look_like_a_token_of_the_hub_is_a_warning(world):
    world.put_secret("read", "a-token-of-a-hub-of-our-own")
    found = look_at_read_token(world.context())
    assert found.verdict is Verdict.WARN
    assert "a-hub" not in found.told + found.remedy


def test_a_secret_that_is_missing_fails_with_the_command_that_fills_it(world):
    client("secretsmanager").delete_secret(SecretId=world.account.secret("write"), ForceDeleteWithoutRecovery=True)
    found = look_at_write_token(world.context())
    assert found.verdict is Verdict.FAIL
    assert found.remedy.startswith('printf %s "$TOKEN" | aws secretsmanager put-secret-value --secret-id ')


def test_one_token_for_both_would_let_the_host_publish(world):
    for name in ("read", "write"):
        world.put_secret(name, TOKEN)
    assert look_at_write_token(world.context()).verdict is Verdict.FAIL


def test_without_publication_no_token_that_writes_is_needed(world):
    client("secretsmanager").delete_secret(SecretId=world.account.secret("write"), ForceDeleteWithoutRecovery=True)
    context = without_publication(world)
    assert look_at_write_token(context).verdict is look_at_hub_writing(context).verdict is Verdict.OK


def test_a_token_whose_account_has_not_accepted_the_licence_is_refused(world):
    world.put_secret("read", world.hub.create_token("read", ["someone/else"]))
    with pytest.raises(HubTokenRefusedError, match=BASE_MODEL):
        look_at_base_model(world.context())


def test_a_revision_that_does_not_exist_is_named(world):
    world.set("hub/base_model_revision", "0" * 40)
    with pytest.raises(BaseModelMissingError, match="0" * 40):
        look_at_base_model(world.context())


def test_a_token_that_writes_in_the_place_of_the_one_that_reads_is_a_warning(world):
    world.put_secret("read", world.hub.create_token("write", [BASE_MODEL]))
    assert look_at_base_model(world.context()).verdict is Verdict.WARN


def test_an_empty_secret_is_named_and_a_silent_hub_too(world):
    client("secretsmanager").delete_secret(SecretId=world.account.secret("read"), ForceDeleteWithoutRecovery=True)
    with pytest.raises(HubTokenMissingError):
        look_at_base_model(world.context())
    world.environment["HF_ENDPOINT"] = "http://127.0.0.1:1"
    with pytest.raises(HubUnavailableError):
        look_at_hub_writing(world.context())


def test_a_read_token_cannot_publish(world):
    world.put_secret("write", world.hub.create_token("read"))
    with pytest.raises(HubTokenRefusedError, match="role read"):
        look_at_hub_writing(world.context())


def test_a_repository_that_exists_decides_itself_whether_the_token_may_write(world):
    world.set("hub/publish_repo", "local/Llama-existing")
    if not world.hub.store.exists("local/Llama-existing"):
        world.hub.store.create("local/Llama-existing", Access(is_private=False, is_gated=False))
    world.put_secret("write", world.hub.create_token("write", ["local/Llama-existing"]))
    assert look_at_hub_writing(world.context()).told == "the token may write to local/Llama-existing"
    world.put_secret("write", world.hub.create_token("write", ["local/another"]))
    assert look_at_hub_writing(world.context()).verdict is Verdict.FAIL


def test_a_name_that_the_licence_does_not_allow_fails_with_one_that_it_would(world):
    world.set("hub/publish_repo", "local/adapter")
    found = look_at_hub_writing(world.context())
    assert found.verdict is Verdict.FAIL
    assert found.remedy == "fine-tune-slm params set hub.publish_repo NAMESPACE/Llama-NAME"
