"""The deployed stack: its outputs, and what its resources are called in the account."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from fine_tune_slm.aws import ClientSource
from fine_tune_slm.errors import StackMissingError

PREPARE_RUN = "PrepareRunFunction"
USABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


class DeployedStack:
    """A stack made from template.yaml, by its name."""

    def __init__(self, name: str, account: ClientSource) -> None:
        self.name = name
        self._account = account

    @cached_property
    def described(self) -> dict[str, Any]:
        """Return the stack as CloudFormation tells it.

        Raises: StackMissingError.
        """
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
    def physical_ids(self) -> dict[str, str]:
        """Return what each resource of the template is called in the account."""
        pages = self._cloudformation().get_paginator("list_stack_resources").paginate(StackName=self.name)
        listed = [one for page in pages for one in page["StackResourceSummaries"]]
        return {one["LogicalResourceId"]: str(one.get("PhysicalResourceId", "")) for one in listed}

    def function_environment(self, logical_id: str) -> dict[str, str]:
        """Return the environment variables of one of the stack's functions."""
        function = self._account.client("lambda").get_function_configuration(FunctionName=self.physical_ids[logical_id])
        variables: dict[str, str] = function.get("Environment", {}).get("Variables", {})
        return variables

    def _cloudformation(self) -> Any:
        return self._account.client("cloudformation")
