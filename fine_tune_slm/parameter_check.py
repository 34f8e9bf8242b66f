"""Whether the settings in Parameter Store are all there, well formed, and what the deployed stack says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from slm_core.settings import SettingSpec

from fine_tune_slm.parameters import value_problem

OUTPUT_OF = {
    "instance.id": "InstanceId",
    "storage.bucket": "BucketName",
    "command.document_name": "CommandDocumentName",
    "command.log_group": "TrainingLogGroupName",
    "hub.read_token_secret_id": "HubReadTokenSecretId",
    "hub.write_token_secret_id": "HubWriteTokenSecretId",
}
"""The stack's output that holds the same value as a setting."""
REPOSITORY_OUTPUT = "RepositoryUri"
MENDED_BY = {
    "stack": "Deploy the template again: sam deploy",
    "pipeline": "Run the image workflow, which records the image's digest.",
    "dataset": "fine-tune-slm dataset publish synthetic-instruction-tuning-dataset",
}


@dataclass(frozen=True)
class ParameterProblem:
    """One setting that is not right, and what mends it."""

    name: str
    told: str
    remedy: str


def parameter_problems(
    specs: Iterable[SettingSpec], stored: Mapping[str, str], outputs: Mapping[str, str]
) -> tuple[ParameterProblem, ...]:
    """Return every problem of the stored settings, in the order of config/aws_config.yml."""
    found = ((spec, _problem(spec, stored.get(spec.ssm_param), outputs)) for spec in specs)
    return tuple(
        ParameterProblem(spec.name, f"{spec.ssm_param} {told}", remedy_for(spec)) for spec, told in found if told
    )


def remedy_for(spec: SettingSpec) -> str:
    """Return how a setting gets its value."""
    return MENDED_BY.get(spec.owner, f"fine-tune-slm params set {spec.name} VALUE")


def _problem(spec: SettingSpec, value: str | None, outputs: Mapping[str, str]) -> str | None:
    if value is None:
        return None if spec.default is not None else f"is missing (owner: {spec.owner})"
    if value_problem(spec, value):
        return "is malformed"
    output = OUTPUT_OF.get(spec.name, "")
    if output in outputs and value != outputs[output]:
        return f"is not the stack's {output}"
    if spec.name == "image.uri" and not _is_from(value, outputs.get(REPOSITORY_OUTPUT)):
        return f"names another repository than the stack's {REPOSITORY_OUTPUT}"
    return None


def _is_from(image_uri: str, repository_uri: str | None) -> bool:
    return repository_uri is None or image_uri.startswith((f"{repository_uri}:", f"{repository_uri}@"))
