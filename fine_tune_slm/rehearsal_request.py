"""What the user asks of a rehearsal, and what of it cannot work: told before anything is deployed.

It must not load the emulated AWS, whose seconds a mistake need not wait for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field
from slm_core.prices import load_prices
from slm_core.training_config import Frozen, load_training_config, parse_request, resolve

from fine_tune_slm.dataset_check import check_dataset
from fine_tune_slm.errors import ArgumentInvalidError, DatasetRefusedError, ModelMissingError

Engine = Literal["process", "podman", "docker"]
MODEL_FILES = ("config.json", "tokenizer*.json", "*.safetensors")


class RehearsalRequest(Frozen):
    """What the user asked for."""

    project: Path
    execution_input: str = "{}"
    run_name: str = Field(default="rehearsal", pattern=r"^[A-Za-z0-9_-]{1,50}$")
    wait_scale: float = Field(default=0.4, ge=0)
    dataset: Path = Path("synthetic-instruction-tuning-dataset")
    base_model: Path | None = Field(default=None, description="None: the local model, built once.")
    config_file: str = "training_config.local.yml"
    kill_training_at_step: int | None = Field(default=None, ge=1)
    keep_runs: int | None = Field(default=None, ge=1)
    engine: Engine = Field(default="process", description="Runs the training: a process, or the image's container.")
    is_built: bool = Field(default=False, description="Deploy what `make sam` built, instead of the sources.")
    root: Path = Path(".local")

    def require_possible(self) -> None:
        """Return if configuration, execution input, dataset and base model can be rehearsed with.

        Raises: ArgumentInvalidError, ConfigInvalidError, DatasetRefusedError, ModelMissingError.
        """
        self._require_input()
        self._require_dataset()
        if self.base_model is not None:
            _require_model(self.base_model)

    def _require_input(self) -> None:
        """Refuse what PrepareRun would refuse of the input, once everything is deployed."""
        directory = self.project / "config"
        if not (directory / self.config_file).is_file():
            raise ArgumentInvalidError(f"--config {self.config_file} is no file of config/")
        asked = parse_request(json.loads(self.execution_input))
        config = resolve(load_training_config(directory / self.config_file), asked)
        prices = load_prices(directory / "prices.yml", config.prices)
        for instance_type in asked.instance_types or ():
            prices.price(instance_type)

    def _require_dataset(self) -> None:
        if not self.dataset.is_dir():
            raise ArgumentInvalidError(f"--dataset {self.dataset} is no directory")
        problems = check_dataset(self.dataset).problems
        if problems:
            raise DatasetRefusedError(
                f"--dataset {self.dataset} has {len(problems)} problem(s), the first: {problems[0]}"
            )


def _require_model(directory: Path) -> None:
    if not directory.is_dir():
        raise ModelMissingError(f"--model {directory} is no directory")
    missing = [pattern for pattern in MODEL_FILES if not any(directory.glob(pattern))]
    if missing:
        raise ModelMissingError(f"--model {directory} holds no {', no '.join(missing)}")
