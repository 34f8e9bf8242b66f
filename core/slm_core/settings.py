"""AwsSettings: what Parameter Store holds, as config/aws_config.yml names it. Pure: parameters are handed in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from slm_core.errors import ConfigInvalidError, DatasetMissingError, SettingInvalidError, SettingMissingError
from slm_core.training_config import Frozen, problems

DEFAULT_ROOT = "/fine-tune-slm"
Owner = Literal["stack", "pipeline", "dataset", "init"]


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class InstanceSettings(Frozen):
    """The GPU instance."""

    id: str = Field(pattern=r"^i-[0-9a-f]{8,17}$", description="The GPU instance.")
    allowed_types: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")], ...], BeforeValidator(_comma_separated)
    ] = Field(min_length=1, description="Types the instance may start as, in order of preference.")


class StorageSettings(Frozen):
    """The bucket and the dataset in it."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The bucket of datasets and models.")
    dataset_sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="Digest of the manifest of the next run's dataset."
    )


class ImageSettings(Frozen):
    """The training image, by digest."""

    uri: str = Field(pattern=r"^[\w.:/-]+(@sha256:[0-9a-f]{64})?$", description="The training image, by digest.")


class CommandSettings(Frozen):
    """The Run Command document and the log group for its output."""

    document_name: str = Field(min_length=3, description="The Run Command document that every command uses.")
    log_group: str = Field(min_length=1, description="The log group of the training's output.")


class HubSettings(Frozen):
    """Ids of the Hub's secrets and repositories; never a token."""

    read_token_secret_id: str = Field(min_length=1, description="The secret of the token that reads the base model.")
    write_token_secret_id: str = Field(min_length=1, description="The secret of the token that publishes.")
    base_model_revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="Commit of the base model on the Hub.")
    publish_repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="Repository on the Hub to publish to.")


class AwsSettings(Frozen):
    """Everything that the workflow reads from Parameter Store."""

    instance: InstanceSettings
    storage: StorageSettings
    image: ImageSettings
    command: CommandSettings
    hub: HubSettings


class SettingSpec(Frozen):
    """One entry of config/aws_config.yml."""

    category: str
    key: str
    ssm_param: str = Field(pattern=r"^(/[\w.-]+){2,}$")
    default: str | None = None
    owner: Owner
    look_up: str | None = None

    @property
    def name(self) -> str:
        """Its place in AwsSettings: category.key."""
        return f"{self.category}.{self.key}"


def load_setting_specs(path: Path, parameter_root: str = DEFAULT_ROOT) -> tuple[SettingSpec, ...]:
    """Return the entries of aws_config.yml, their names moved under the given root.

    Raises: ConfigInvalidError naming file and problem.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tuple(
            SettingSpec.model_validate({"category": category, "key": key, **_rooted(entry, parameter_root)})
            for category, entries in content.items()
            for key, entry in entries.items()
        )
    except ValidationError as error:
        raise ConfigInvalidError(f"{path.name} is invalid: {problems(error)}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError, KeyError) as error:
        raise ConfigInvalidError(f"{path.name} cannot be read as a mapping of categories to entries") from error


def _rooted(entry: Mapping[str, Any], parameter_root: str) -> dict[str, Any]:
    name = str(entry["ssm_param"])
    return {**entry, "ssm_param": name.replace(DEFAULT_ROOT, parameter_root, 1)}


def build_settings(specs: tuple[SettingSpec, ...], parameters: Mapping[str, str]) -> AwsSettings:
    """Return the settings made of stored parameters and defaults.

    Raises: DatasetMissingError when only the dataset is missing, SettingMissingError naming every missing parameter,
        SettingInvalidError naming every malformed one.
    """
    _require_all(specs, parameters)
    values: dict[str, dict[str, str]] = {}
    for spec in specs:
        values.setdefault(spec.category, {})[spec.key] = parameters.get(spec.ssm_param, spec.default or "")
    try:
        return AwsSettings.model_validate(values)
    except ValidationError as error:
        raise SettingInvalidError(f"Parameter Store holds values that cannot be right: {problems(error)}") from None


def _require_all(specs: tuple[SettingSpec, ...], parameters: Mapping[str, str]) -> None:
    missing = [spec for spec in specs if spec.ssm_param not in parameters and spec.default is None]
    if missing and all(spec.owner == "dataset" for spec in missing):
        raise DatasetMissingError(f"No dataset has been published: parameter {missing[0].ssm_param} does not exist")
    if missing:
        names = ", ".join(f"{spec.ssm_param} (owner: {spec.owner})" for spec in missing)
        raise SettingMissingError(f"Parameter Store lacks {names}")
