"""What the template tells every function through its environment."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError

from slm_core.errors import SettingMissingError
from slm_core.training_config import Frozen, problems


class Environment(Frozen):
    """The environment variables of template.yaml's Globals, under their names in lower case."""

    parameter_root: str = Field(pattern=r"^(/[\w.-]+)+$")
    bucket_name: str = Field(min_length=3)
    lease_table: str = Field(min_length=3)
    config_dir: Path
    training_config_file: str = Field(min_length=1)
    hf_endpoint: str = Field(pattern=r"^https?://")
    git_commit: str = Field(default="unknown", min_length=1)
    instance_id: str | None = Field(default=None, description="Only the functions outside the workflow have it.")
    topic_arn: str | None = None
    host_files_dir: Path | None = Field(default=None, description="Only StartTraining has it.")
    volume_sizes_gib: str = Field(
        default="", pattern=r"^(\d+(,\d+)*)?$", description="Of the instance's disks, which are paid for all the time."
    )

    @property
    def storage_gib(self) -> int:
        """All disks of the instance together; 0 where the template does not tell."""
        return sum(int(size) for size in self.volume_sizes_gib.split(",") if size)

    @property
    def training_config_path(self) -> Path:
        return self.config_dir / self.training_config_file

    @property
    def aws_config_path(self) -> Path:
        return self.config_dir / "aws_config.yml"

    @property
    def prices_path(self) -> Path:
        return self.config_dir / "prices.yml"


def environment() -> Environment:
    """Return the validated environment of this function.

    Raises: SettingMissingError naming every variable that is missing or malformed.
    """
    given = {name: os.environ[name.upper()] for name in Environment.model_fields if name.upper() in os.environ}
    try:
        return Environment.model_validate(given)
    except ValidationError as error:
        raise SettingMissingError(f"The function's environment is incomplete: {problems(error)}") from None
