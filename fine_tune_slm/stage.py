"""Prepares an emulated account as its owner would, by the same code: stack, tokens, parameters, image, dataset."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.settings import load_setting_specs
from slm_core.training_config import load_training_config

from fine_tune_slm.aws import CONFIG_FILE
from fine_tune_slm.dataset_check import check_dataset
from fine_tune_slm.dataset_publish import publish_dataset
from fine_tune_slm.naming import DEFAULT_STAGE, stack_name
from fine_tune_slm.parameters import init_parameters, parse_assignments, require_finished

if TYPE_CHECKING:
    from fine_tune_slm.localcloud import LocalCloud

PUBLISH_NAMESPACE = "local"  # the user of the local Hub: PrepareRun asks whose the token is
IMAGE_ID = "ami-0f00d000000000000"


@dataclass(frozen=True)
class StageSpec:
    """What is put on the stage."""

    project: Path
    config_file: str
    base_model: Path
    dataset: Path
    name: str = DEFAULT_STAGE
    template: Path | None = None  # by default the checkout's own
    image: str | None = None  # by default a name in the stack's repository, which stands for the training package


@dataclass(frozen=True)
class Stage:
    """A deployed stack in the emulated account, ready for an execution."""

    outputs: dict[str, str]
    dataset_uri: str
    read_token: str
    write_token: str

    @property
    def bucket(self) -> str:
        """Return the stack's bucket."""
        return self.outputs["BucketName"]


def set_up(cloud: LocalCloud, spec: StageSpec) -> Stage:
    """Deploy the stack and give it everything that a run needs.

    Raises: FineTuneSlmError of the part that failed.
    """
    repo_id = load_training_config(spec.project / "config" / spec.config_file).base_model.repo_id
    revision = cloud.hub.add_model(repo_id, spec.base_model, gated=True)
    template = spec.template or spec.project / "template.yaml"
    outputs = cloud.deploy(template, _template_parameters(cloud, spec), stack_name(spec.name))
    read_token, write_token = _store_tokens(cloud, outputs, repo_id)
    assigned = {"hub.base_model_revision": revision, "hub.publish_repo": _publish_repo(repo_id)}
    _initialise_parameters(cloud, spec, outputs, assigned)
    specs = load_setting_specs(spec.project / CONFIG_FILE, outputs["ParameterRoot"])
    dataset_uri = publish_dataset(check_dataset(spec.dataset), cloud, specs)
    return Stage(outputs, dataset_uri, read_token, write_token)


def _template_parameters(cloud: LocalCloud, spec: StageSpec) -> dict[str, str]:
    return {
        "Stage": spec.name,
        "ImageId": IMAGE_ID,
        "TrainingConfigFile": spec.config_file,
        "HubEndpoint": cloud.hub.endpoint,
        "GitCommit": _git_commit(spec.project),
    }


def _git_commit(project: Path) -> str:
    command = ["git", "rev-parse", "HEAD"]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else "unknown"


def _publish_repo(repo_id: str) -> str:
    return f"{PUBLISH_NAMESPACE}/{repo_id.rsplit('/', maxsplit=1)[-1]}-clinical-extraction"


def _store_tokens(cloud: LocalCloud, outputs: dict[str, str], repo_id: str) -> tuple[str, str]:
    """Put one token that may read and one that may write into the stack's secrets; both live as long as the run."""
    read_token = cloud.hub.create_token("read", [repo_id])
    write_token = cloud.hub.create_token("write", [_publish_repo(repo_id)])
    secrets_manager = cloud.client("secretsmanager")
    for output, token in (("HubReadTokenSecretId", read_token), ("HubWriteTokenSecretId", write_token)):
        secrets_manager.put_secret_value(SecretId=outputs[output], SecretString=token)
    return read_token, write_token


def _initialise_parameters(
    cloud: LocalCloud, spec: StageSpec, outputs: dict[str, str], assigned: dict[str, str]
) -> None:
    ssm = cloud.client("ssm")
    specs = load_setting_specs(spec.project / CONFIG_FILE, outputs["ParameterRoot"])
    values = parse_assignments([f"{name}={value}" for name, value in assigned.items()], specs)
    require_finished(init_parameters(ssm, specs, values))
    image = next(setting.ssm_param for setting in specs if setting.name == "image.uri")
    # what the image pipeline does after a push; locally the image is the installed training package
    ssm.put_parameter(Name=image, Value=spec.image or f"{outputs['RepositoryUri']}:rehearsal", Type="String")
