"""CloudFormation: the resource types that moto skips with CREATE_COMPLETE, and the properties that it drops.

moto asks one function for the model of a type, so that an entry here is all that a skipped type needs: Ref, GetAtt and
the order of creation work by themselves. A type that has no model at all is refused.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction, LambdaVersion, LayerVersion
from moto.awslambda.utils import get_backend as lambda_backend
from moto.cloudformation import parsing
from moto.ec2.models.elastic_block_store import Volume
from moto.ec2.models.instances import Instance
from moto.iam.models import iam_backends
from moto.logs.models import LogGroup
from moto.s3.models import s3_backends
from moto.scheduler.models import scheduler_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import Parameter
from moto.utilities.utils import get_partition

from fine_tune_slm.localcloud.errors import TemplateUnsupportedError
from fine_tune_slm.localcloud.seams.seam import Seam

_CREATE_PARAMETERS = ("cls", "resource_name", "cloudformation_json", "account_id", "region_name", "kwargs")
# Types that need nothing done here, because nothing in a rehearsal acts on them.
_WITHOUT_EFFECT_HERE = (
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::ECR::RepositoryPolicy",
    "AWS::SecretsManager::ResourcePolicy",
)


class CreatedResource:
    """A resource as CloudFormation knows it: by its physical id and its attributes."""

    def __init__(
        self,
        physical_resource_id: str,
        attributes: dict[str, str] | None = None,
        undo: Callable[[], Any] | None = None,
    ) -> None:
        self.physical_resource_id = physical_resource_id
        self._attributes = attributes or {}
        self._undo = undo

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return what Fn::GetAtt gives."""
        return self._attributes[attribute_name]

    def has_cfn_attr(self, attribute_name: str) -> bool:
        """Return whether Fn::GetAtt gives something."""
        return attribute_name in self._attributes

    def delete(self, _account_id: str, _region: str) -> None:
        """Take back what was made, if anything was."""
        if self._undo is not None:
            self._undo()

    def is_created(self) -> bool:
        """Return that there is nothing to wait for."""
        return True


def _create_alias(resource_name: str, properties: dict[str, Any], account_id: str, region: str) -> CreatedResource:
    del resource_name
    version = str(properties["FunctionVersion"]).rsplit(":", 1)[-1]
    backend, name, function_name = lambda_backend(account_id, region), properties["Name"], properties["FunctionName"]
    alias = backend.create_alias(name, function_name, version, properties.get("Description", ""), "")

    def undo() -> None:
        with contextlib.suppress(
            UnknownFunctionException
        ):  # moto deletes in any order; an alias goes with its function
            backend.delete_alias(name, function_name)

    return CreatedResource(alias.arn, undo=undo)


def _create_bucket_policy(
    resource_name: str, properties: dict[str, Any], account_id: str, _region: str
) -> CreatedResource:
    policy = json.dumps(properties["PolicyDocument"]).encode()
    backend, bucket = s3_backends[account_id]["aws"], properties["Bucket"]
    backend.put_bucket_policy(bucket, policy)
    return CreatedResource(resource_name, undo=lambda: backend.delete_bucket_policy(bucket))


def _create_secret(resource_name: str, properties: dict[str, Any], account_id: str, region: str) -> CreatedResource:
    generated = uuid.uuid4().hex if "GenerateSecretString" in properties else None
    backend = secretsmanager_backends[account_id][region]
    secret = backend.create_secret(
        name=properties.get("Name", resource_name),
        secret_string=properties.get("SecretString", generated),
        secret_binary=None,
        description=properties.get("Description"),
        tags=properties.get("Tags", []),
        kms_key_id=properties.get("KmsKeyId"),
        client_request_token=None,
        replica_regions=[],
        force_overwrite=False,
    )
    arn = json.loads(secret)["ARN"] if isinstance(secret, str) else secret["ARN"]
    # CloudFormation keeps no deleted secret for recovery: its name is free at once
    return CreatedResource(
        arn, {"Id": arn}, lambda: backend.delete_secret(arn, None, force_delete_without_recovery=True)
    )


def _create_schedule(resource_name: str, properties: dict[str, Any], account_id: str, region: str) -> CreatedResource:
    # None and not "": moto would read that as a date where the expression is a cron
    dates: dict[str, Any] = {"start_date": properties.get("StartDate"), "end_date": properties.get("EndDate")}
    backend, group_name = scheduler_backends[account_id][region], properties.get("GroupName", "default")
    schedule = backend.create_schedule(
        description=properties.get("Description", ""),
        flexible_time_window=properties.get("FlexibleTimeWindow", {"Mode": "OFF"}),
        group_name=group_name,
        kms_key_arn=properties.get("KmsKeyArn", ""),
        name=properties.get("Name", resource_name),
        schedule_expression=properties["ScheduleExpression"],
        schedule_expression_timezone=properties.get("ScheduleExpressionTimezone", "UTC"),
        state=properties.get("State", "ENABLED"),
        target=properties["Target"],
        action_after_completion=None,
        **dates,
    )
    return CreatedResource(
        schedule.name, {"Arn": schedule.arn}, lambda: backend.delete_schedule(group_name, schedule.name)
    )


def _create_oidc_provider(
    _resource_name: str, properties: dict[str, Any], account_id: str, region: str
) -> CreatedResource:
    backend = iam_backends[account_id][get_partition(region)]
    provider = backend.create_open_id_connect_provider(
        properties["Url"], properties.get("ThumbprintList", []), properties["ClientIdList"], []
    )
    return CreatedResource(
        provider.arn, {"Arn": provider.arn}, lambda: backend.delete_open_id_connect_provider(provider.arn)
    )


def _create_without_effect(
    resource_name: str, _properties: dict[str, Any], account_id: str, region: str
) -> CreatedResource:
    arn = f"arn:aws:local:{region}:{account_id}:{resource_name}"
    return CreatedResource(resource_name, {"Arn": arn, "Id": resource_name})


Creator = Callable[[str, dict[str, Any], str, str], CreatedResource]
_CREATORS: dict[str, Creator] = {
    "AWS::Lambda::Alias": _create_alias,
    "AWS::Scheduler::Schedule": _create_schedule,
    "AWS::S3::BucketPolicy": _create_bucket_policy,
    "AWS::SecretsManager::Secret": _create_secret,
    "AWS::IAM::OIDCProvider": _create_oidc_provider,
    **dict.fromkeys(_WITHOUT_EFFECT_HERE, _create_without_effect),
}


@dataclass(frozen=True)
class Model:
    """What moto asks to create a resource of one type."""

    create: Creator

    @staticmethod
    def has_cfn_attr(_attribute_name: str) -> bool:
        """Return that an output may name any attribute; one that is not there fails when it is read."""
        return True

    def create_from_cloudformation_json(
        self, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str, **_: Any
    ) -> CreatedResource:
        """Return the created resource."""
        return self.create(resource_name, cloudformation_json.get("Properties", {}), account_id, region_name)

    def update_from_cloudformation_json(
        self,
        original_resource: CreatedResource,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> CreatedResource:
        """Return the resource made anew, its predecessor taken back: here nothing depends on which of the two it is."""
        original_resource.delete(account_id, region_name)
        return self.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)


_MODELS = {resource_type: Model(create) for resource_type, create in _CREATORS.items()}


def require_supported(resource_types: Iterable[str]) -> None:
    """Return nothing when every type is created by moto or by a model of this module.

    Raises: TemplateUnsupportedError naming every type that would silently be skipped.
    """
    known = {**parsing.get_model_map(), **_MODELS}
    missing = sorted({kind for kind in resource_types if kind not in known and kind not in parsing.NULL_MODELS})
    if missing:
        raise TemplateUnsupportedError(f"Nothing in the emulated AWS creates {', '.join(missing)}")


def seams() -> list[Seam]:
    """Return the seams of CloudFormation."""
    return [
        Seam(parsing, "resource_class_from_type", ("resource_type",), _with_models),
        Seam(LambdaFunction, "create_from_cloudformation_json", _CREATE_PARAMETERS, _with_layers),
        Seam(LayerVersion, "create_from_cloudformation_json", _CREATE_PARAMETERS, _with_layer_arn),
        Seam(LambdaVersion, "create_from_cloudformation_json", _CREATE_PARAMETERS, _with_arn),
        Seam(Instance, "create_from_cloudformation_json", _CREATE_PARAMETERS, _with_protection),
        Seam(Volume, "create_from_cloudformation_json", _CREATE_PARAMETERS, _with_tags),
        Seam(LayerVersion, "delete", None, lambda _original: _delete_layer),
        Seam(Parameter, "get_cfn_attribute", None, lambda _original: _parameter_attribute),
        Seam(LogGroup, "get_cfn_attribute", ("self", "attribute_name"), _with_its_streams),
    ]


def _with_models(original: Callable[[str], Any]) -> Callable[[str], Any]:
    def resource_class_from_type(resource_type: str) -> Any:
        return _MODELS.get(resource_type) or original(resource_type)

    return resource_class_from_type


def _with_layers(original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
    def create(
        cls: type[LambdaFunction], resource_name: str, cloudformation_json: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        function = original.__func__(cls, resource_name, cloudformation_json, *rest, **named)
        properties = cloudformation_json["Properties"]
        if "Layers" in properties:
            function.layers = function._get_layers_data(properties["Layers"])
        if "EphemeralStorage" in properties:
            function.ephemeral_storage = int(properties["EphemeralStorage"]["Size"])
        return function

    return classmethod(create)


def _with_layer_arn(original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
    def create(cls: type[LayerVersion], *arguments: Any, **named: Any) -> Any:
        layer = original.__func__(cls, *arguments, **named)
        layer.physical_resource_id = layer.arn
        return layer

    return classmethod(create)


def _with_arn(original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
    def create(
        cls: type[LambdaVersion],
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **named: Any,
    ) -> Any:
        version = original.__func__(cls, resource_name, cloudformation_json, account_id, region_name, **named)
        name = cloudformation_json["Properties"]["FunctionName"]
        function = lambda_backend(account_id, region_name).get_function(name, str(version.version))
        return CreatedResource(function.function_arn, {"Version": str(version.version)})

    return classmethod(create)


def _with_its_streams(original: Callable[[LogGroup, str], str]) -> Callable[[LogGroup, str], str]:
    # GetAtt's ARN of a group ends in ":*" and so means its streams: a policy without it would allow no writing
    return lambda group, attribute_name: f"{original(group, attribute_name)}:*"


def _with_protection(original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
    def create(
        cls: type[Instance], resource_name: str, cloudformation_json: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        instance = original.__func__(cls, resource_name, cloudformation_json, *rest, **named)
        properties = cloudformation_json["Properties"]
        behaviour = properties.get("InstanceInitiatedShutdownBehavior", "stop")
        instance.instance_initiated_shutdown_behavior = behaviour
        instance.disable_api_termination = _is_true(properties.get("DisableApiTermination"))
        instance.disable_api_stop = _is_true(properties.get("DisableApiStop"))
        return instance

    return classmethod(create)


def _with_tags(original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
    def create(
        cls: type[Volume], resource_name: str, cloudformation_json: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        volume = original.__func__(cls, resource_name, cloudformation_json, *rest, **named)
        volume.add_tags({tag["Key"]: tag["Value"] for tag in cloudformation_json["Properties"].get("Tags", [])})
        return volume

    return classmethod(create)


def _delete_layer(layer: LayerVersion, account_id: str, region: str) -> None:
    name, version = layer.arn.split(":")[-2:]
    lambda_backend(account_id, region).delete_layer_version(name, version)


def _parameter_attribute(parameter: Parameter, attribute_name: str) -> str:
    return str({"Value": parameter.value, "Type": parameter.parameter_type}[attribute_name])


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
