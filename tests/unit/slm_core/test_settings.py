"""Settings: Parameter Store's values under the names of config/aws_config.yml."""

from pathlib import Path

import pytest
from slm_core.errors import ConfigInvalidError, DatasetMissingError, SettingInvalidError, SettingMissingError
from slm_core.settings import AwsSettings, build_settings, load_setting_specs

CONFIG = Path(__file__).parents[3] / "config" / "aws_config.yml"
SPECS = load_setting_specs(CONFIG)
STORED = {
    "/fine-tune-slm/instance/id": "i-0123456789abcdef0",
    "/fine-tune-slm/storage/bucket": "a-bucket",
    "/fine-tune-slm/storage/dataset_sha256": "0" * 64,
    "/fine-tune-slm/image/uri": "repository@sha256:" + "0" * 64,
    "/fine-tune-slm/command/document_name": "fine-tune-slm-train",
    "/fine-tune-slm/command/log_group": "/fine-tune-slm/commands",
    "/fine-tune-slm/hub/read_token_secret_id": "fine-tune-slm/hub-read-token",
    "/fine-tune-slm/hub/write_token_secret_id": "fine-tune-slm/hub-write-token",
    "/fine-tune-slm/hub/base_model_revision": "0" * 40,
    "/fine-tune-slm/hub/publish_repo": "someone/Llama-3.1-8B-clinical-extraction",
}


def test_the_config_names_exactly_the_fields_of_the_settings():
    fields = {
        f"{category}.{key}"
        for category, section in AwsSettings.model_fields.items()
        for key in section.annotation.model_fields
    }
    assert {spec.name for spec in SPECS} == fields


def test_stored_values_and_defaults_make_the_settings():
    settings = build_settings(SPECS, STORED)
    assert settings.storage.bucket == "a-bucket"
    assert settings.instance.allowed_types == ("g6.2xlarge", "g5.2xlarge")


def test_a_stored_value_wins_over_the_default():
    stored = STORED | {"/fine-tune-slm/instance/allowed_types": "g6.xlarge, g6.2xlarge"}
    assert build_settings(SPECS, stored).instance.allowed_types == ("g6.xlarge", "g6.2xlarge")


def test_a_second_stage_reads_under_its_own_root():
    specs = load_setting_specs(CONFIG, "/fine-tune-slm-dev")
    assert {spec.ssm_param.split("/")[1] for spec in specs} == {"fine-tune-slm-dev"}


def test_every_missing_parameter_is_named_with_its_owner():
    with pytest.raises(SettingMissingError) as refusal:
        build_settings(SPECS, {})
    assert "/fine-tune-slm/instance/id (owner: stack)" in str(refusal.value)
    assert "/fine-tune-slm/hub/publish_repo (owner: init)" in str(refusal.value)


def test_a_missing_dataset_alone_is_an_error_of_its_own():
    stored = {name: value for name, value in STORED.items() if "dataset" not in name}
    with pytest.raises(DatasetMissingError, match="fine-tune-slm dataset publish"):
        build_settings(SPECS, stored)


def test_a_malformed_value_is_named_but_not_shown():
    with pytest.raises(SettingInvalidError, match=r"instance\.id") as refusal:
        build_settings(SPECS, STORED | {"/fine-tune-slm/instance/id": "hf_secret"})
    assert "hf_secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "content", ["a: 1", "[1]", "instance: {id: {owner: stack}}", "instance: {id: {ssm_param: x, owner: me}}"]
)
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "aws_config.yml"
    path.write_text(content)
    with pytest.raises(ConfigInvalidError, match=r"aws_config\.yml"):
        load_setting_specs(path)
