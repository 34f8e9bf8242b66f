"""What can go wrong with the emulated AWS itself, as opposed to what it emulates.

FineTuneSlmError
└── LocalCloudError
    ├── SeamBrokenError             moto is not the version that the seams were written for
    ├── TemplateUnsupportedError    the template holds something that nothing here creates
    ├── DeploymentFailedError       CloudFormation refused the stack
    ├── ShimUsageError              the host's docker or aws program was called in a way it does not know
    ├── AlreadyRunningError         there is one in this process already
    ├── PolicyUnsupportedError      a policy holds something that the emulated IAM cannot judge
    ├── OperationUnmappedError      a role called an operation of which nobody has said what it needs
    ├── ClosingError                it was closed while a function was called
    └── HubStorageError             the local Hub cannot read or write its own directory
"""

from __future__ import annotations

from slm_core.errors import FineTuneSlmError


class LocalCloudError(FineTuneSlmError):
    """The emulated AWS cannot do what was asked of it."""


class SeamBrokenError(LocalCloudError):
    remedy = "Install the pinned version with: make venv (moto is pinned exactly in pyproject.toml)."


class TemplateUnsupportedError(LocalCloudError):
    exit_code = 2
    remedy = "Add a model of this resource type to fine_tune_slm/localcloud/seams/cloudformation_types.py."


class DeploymentFailedError(LocalCloudError):
    remedy = "Check the template with: make check; the message names the resource."


class ShimUsageError(LocalCloudError):
    exit_code = 125
    remedy = "Teach fine_tune_slm/localcloud/host the option, or change the command document's script."


class AlreadyRunningError(LocalCloudError):
    remedy = "Close the first one before a second is opened, or use another process."


class PolicyUnsupportedError(LocalCloudError):
    exit_code = 2
    remedy = "Write the policy in simpler terms, or teach fine_tune_slm/localcloud/iam what it means."


class OperationUnmappedError(LocalCloudError):
    remedy = "Add what AWS asks for then, actions and resources, to fine_tune_slm/localcloud/iam/actions.py."


class ClosingError(LocalCloudError):
    remedy = "Wait for the execution to end before the emulated AWS is closed."


class HubStorageError(LocalCloudError):
    remedy = "Remove the local Hub's directory under .local and run again."
