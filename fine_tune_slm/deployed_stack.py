"""The deployed stack: its parameters, outputs and resources in the account, and who holds its instance."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from slm_core.lease import LEASE_NAME, Lease

from fine_tune_slm.aws import ClientSource
from fine_tune_slm.errors import StackMissingError

PREPARE_RUN = "PrepareRunFunction"
USABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


class DeployedStack:
    """A stack made from template.yaml, by its name."""

    def __init__(self, name: str, account: ClientSource) -> None:
        self.name = name
        self.account = account

    @cached_property
    def described(self) -> dict[str, Any]:
        """Return the stack as CloudFormation tells it.

        Raises: StackMissingError.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415 - 0.2 s that --help must not pay

        try:
            found: dict[str, Any] = self._cloudformation().describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            # CloudFormation has no code of its own for a stack that does not exist
            if error.response["Error"]["Code"] == "ValidationError":
                raise StackMissingError(f"There is no stack {self.name} in this account and region") from error
            raise
        return found

    @property
    def status(self) -> str:
        """Return CloudFormation's word for the state of the stack."""
        return str(self.described["StackStatus"])

    @property
    def is_usable(self) -> bool:
        """Return whether the last deployment came to an end that leaves the stack whole."""
        return self.status in USABLE

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.described.get("Outputs", [])}

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Return what the template's parameters were given."""
        return {given["ParameterKey"]: given["ParameterValue"] for given in self.described.get("Parameters", [])}

    @cached_property
    def physical_ids(self) -> dict[str, str]:
        """Return what each resource of the template is called in the account."""
        pages = self._cloudformation().get_paginator("list_stack_resources").paginate(StackName=self.name)
        listed = [one for page in pages for one in page["StackResourceSummaries"]]
        return {one["LogicalResourceId"]: str(one.get("PhysicalResourceId", "")) for one in listed}

    def function_environment(self, logical_id: str) -> dict[str, str]:
        """Return the environment variables of one of the stack's functions."""
        function = self.account.client("lambda").get_function_configuration(FunctionName=self.physical_ids[logical_id])
        variables: dict[str, str] = function.get("Environment", {}).get("Variables", {})
        return variables

    def lease(self) -> Lease:
        """Return who holds the instance."""
        from boto3.dynamodb.types import TypeDeserializer  # noqa: PLC0415 - as above

        key = {"lease_name": {"S": LEASE_NAME}}
        table = self.outputs["LeaseTableName"]
        found = self.account.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
        plain = TypeDeserializer().deserialize
        return Lease.model_validate({name: plain(value) for name, value in found.get("Item", {}).items()})

    def _cloudformation(self) -> Any:
        return self.account.client("cloudformation")
