"""Every error that the workflow, the container or the command line may name.

Step Functions compares class names exactly and knows no inheritance, so each error that a Retry or a Catch names is a
leaf of this tree, and a leaf's name never changes:

    FineTuneSlmError
    ├── RequestError                the caller's mistake; nothing has been started
    │   ├── ConfigInvalidError
    │   ├── SettingMissingError
    │   ├── SettingInvalidError
    │   ├── DatasetMissingError
    │   ├── NotesInvalidError
    │   ├── PlanInvalidError
    │   ├── HubTokenMissingError
    │   ├── HubTokenRefusedError
    │   ├── RunExistsError
    │   └── StateInvalidError
    ├── InstanceError               the GPU instance
    │   ├── InstanceBusyError            retryable
    │   ├── InstanceCapacityError        retryable
    │   ├── InstanceChangingError        retryable
    │   ├── InstanceStillRunningError    retryable
    │   ├── InstanceNotReadyError
    │   ├── InstanceRefusedError
    │   └── LeaseLostError
    ├── CommandError                Run Command
    │   ├── CommandUndeliverableError    retryable
    │   ├── HostFileCorruptError
    │   └── HostNotReadyError
    ├── TrainingError               the training process; its exit code travels in outcome.json
    │   ├── DatasetInvalidError
    │   ├── BaseModelMissingError
    │   ├── BaseModelCorruptError
    │   ├── TrainingOutOfMemoryError
    │   ├── TrainingDivergedError
    │   ├── DiskFullError
    │   ├── GpuMissingError
    │   ├── CheckpointMissingError
    │   ├── TrainingInterruptedError
    │   ├── TrainingFailedError
    │   ├── RelaunchesExhaustedError
    │   └── DeadlineExceededError
    ├── ReleaseError                archive and publication
    │   ├── ArtifactCorruptError
    │   ├── ArchiveConflictError
    │   ├── ModelRejectedError
    │   ├── PublishFailedError
    │   └── ReleaseHistoryInvalidError
    ├── EndedError                  the execution was ended from outside; these stand in run records only
    │   ├── ExecutionAbortedError
    │   ├── ExecutionTimedOutError
    │   └── ExecutionFailedError
    └── ServiceError                AWS or the Hub
        ├── AwsUnavailableError          retryable
        ├── AwsRefusedError
        ├── PermissionDeniedError
        ├── HubUnavailableError          retryable
        ├── StepTimedOutError            States.Timeout, as a failed run shows it
        └── StepCrashedError             whatever else has no name of ours: Lambda.Unknown, a bug

Messages say what, where and what next; they never carry clinical text, tokens or whole inputs.
"""

from __future__ import annotations

from typing import ClassVar

CALLER_VARIABLE = "FINE_TUNE_SLM_CALLER"
"""Names the command that started the training code for someone at a terminal: an error is then told as its own."""


class FineTuneSlmError(Exception):
    """An error that a user may see: a message, whether a retry helps, an exit code and the remedy."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1
    remedy: ClassVar[str] = ""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(f"{message.rstrip('.')}. {self.remedy}".strip())


class RequestError(FineTuneSlmError):
    """The request or what it refers to is wrong; nothing has been started."""

    exit_code = 2


class ConfigInvalidError(RequestError):
    remedy = "Correct the named keys of the execution input or of config/training_config.yml and start again."


class SettingMissingError(RequestError):
    remedy = "Run scripts/setup/init_ssm_parameters.py --dry-run to see every parameter, its owner and its value."


class SettingInvalidError(RequestError):
    remedy = "Correct the value in Parameter Store; config/aws_config.yml says what it means."


class DatasetMissingError(RequestError):
    remedy = "Publish one with: fine-tune-slm dataset publish synthetic-instruction-tuning-dataset"


class NotesInvalidError(RequestError):
    remedy = "A text file holds one note; a line of JSON is a string, or an object with the note as input."


class PlanInvalidError(RequestError):
    remedy = "Correct the named option or file; what each option takes says: fine-tune-slm plan --help"


class HubTokenMissingError(RequestError):
    remedy = "Put the token into the named secret with: aws secretsmanager put-secret-value."


class HubTokenRefusedError(RequestError):
    remedy = "Create a token with the right role, accept the model's licence, and store the token in the named secret."


class RunExistsError(RequestError):
    remedy = "Start again under another execution name; resume_from set to the old one goes on from its checkpoints."


class StateInvalidError(RequestError):
    remedy = "Start the workflow rather than one of its functions; if the workflow passed this, report it as a bug."


class InstanceError(FineTuneSlmError):
    """The GPU instance is not in the state that the run needs."""


class InstanceBusyError(InstanceError):
    retryable = True
    exit_code = 75
    remedy = "Another run holds the instance: wait for it, or end it with: fine-tune-slm stop RUN --stage STAGE"


class InstanceCapacityError(InstanceError):
    retryable = True
    exit_code = 75
    remedy = "AWS has no such instance free in this zone: try later, or allow another type in instance/allowed_types."


class InstanceChangingError(InstanceError):
    retryable = True
    remedy = "The instance is between two states; the workflow tries again by itself."


class InstanceStillRunningError(InstanceError):
    retryable = True
    remedy = "Look at the instance in the EC2 console and stop it by hand if it does not stop within minutes."


class InstanceNotReadyError(InstanceError):
    remedy = "Look at the instance's system log and status checks; start again when they pass."


class InstanceRefusedError(InstanceError):
    remedy = "Read the named EC2 error code: a quota to raise, a permission to add, or an instance that is gone."


class LeaseLostError(InstanceError):
    remedy = "Another run took the instance over; look at that run before you start this one again."


class CommandError(FineTuneSlmError):
    """Run Command did not do what it was asked."""


class CommandUndeliverableError(CommandError):
    retryable = True
    remedy = "The SSM agent does not take commands: check that the instance profile and the agent are in order."


class HostFileCorruptError(CommandError):
    remedy = "Somebody changed the bucket's host/ between command and host: find out who, then start again."


class HostNotReadyError(CommandError):
    remedy = "Check that the image has the digest in image/uri's repository and that the volume is mounted."


class TrainingError(FineTuneSlmError):
    """The training process ended without an adapter."""


class DatasetInvalidError(TrainingError):
    exit_code = 20
    remedy = "Correct the named lines, check with fine-tune-slm dataset check, and publish the dataset again."


class BaseModelMissingError(TrainingError):
    exit_code = 21
    remedy = "Check hub/base_model_revision, and that the read token's account has accepted the model's licence."


class BaseModelCorruptError(TrainingError):
    exit_code = 22
    remedy = "Check hub/base_model_revision, then the volume's disk; a damaged copy was downloaded again already."


class TrainingOutOfMemoryError(TrainingError):
    exit_code = 23
    remedy = "Lower training.max_tokens_per_batch, or allow a larger instance type."


class TrainingDivergedError(TrainingError):
    exit_code = 24
    remedy = "Lower training.learning_rate; the last good checkpoint is kept."


class DiskFullError(TrainingError):
    exit_code = 25
    remedy = "Enlarge the checkpoint volume (CheckpointVolumeGiB) or remove old runs from it."


class GpuMissingError(TrainingError):
    exit_code = 26
    remedy = "Check the instance type and the NVIDIA driver, or train with quantization: none on the CPU."


class CheckpointMissingError(TrainingError):
    exit_code = 27
    remedy = "Name a run whose checkpoints are still on the volume in resume_from, or leave it out."


class TrainingInterruptedError(TrainingError):
    exit_code = 28
    remedy = "The last checkpoint is kept: start again with resume_from set to this run."


class TrainingFailedError(TrainingError):
    exit_code = 29
    remedy = "Read the training log of this run; the last checkpoint is kept, resume_from continues from it."


class RelaunchesExhaustedError(TrainingError):
    remedy = "The host was lost too often: read the training log, then start again with resume_from set to this run."


class DeadlineExceededError(TrainingError):
    remedy = "Raise max_hours or budget_usd and start again with resume_from set to this run."


class ReleaseError(FineTuneSlmError):
    """The adapter was trained but not released."""


class ArtifactCorruptError(ReleaseError):
    remedy = "A file in staging does not match its manifest: start again with resume_from set to this run."


class ArchiveConflictError(ReleaseError):
    remedy = "An archive with other content exists under this run id: start a new run under another name."


class ModelRejectedError(ReleaseError):
    remedy = (
        "The archive is kept: read the metrics, train longer or on more data, or lower the gate in the configuration."
    )


class PublishFailedError(ReleaseError):
    remedy = (
        "The archive is kept; the Hub's main branch is unchanged unless the error says that it has moved: "
        "start again with resume_from set to this run."
    )


class EndedError(FineTuneSlmError):
    """The execution ended without its own Catch; the reaper stopped the instance and wrote the record."""


class ExecutionAbortedError(EndedError):
    remedy = "Somebody stopped the execution: start again with resume_from set to this run if that was a mistake."


class ExecutionTimedOutError(EndedError):
    remedy = "The state machine's own time limit ended it: start again with resume_from set to this run."


class ExecutionFailedError(EndedError):
    remedy = "Step Functions ended it past every Catch: read the last events of the execution's history."


class ReleaseHistoryInvalidError(ReleaseError):
    remedy = "Restore an older version of the named object; without the object, nothing is compared or rolled back."


class ServiceError(FineTuneSlmError):
    """A service did not answer as it should."""

    exit_code = 75


class AwsUnavailableError(ServiceError):
    retryable = True
    remedy = "AWS throttled or failed several times in a row: try again in some minutes."


class AwsRefusedError(ServiceError):
    exit_code = 1
    remedy = "Read the named call and error code in AWS's documentation; the function's log has the request id."


class PermissionDeniedError(ServiceError):
    exit_code = 1
    remedy = "Deploy the template again, or add the missing permission to the role of the named function."


class HubUnavailableError(ServiceError):
    retryable = True
    remedy = "The Hub did not answer: try again in some minutes."


class StepTimedOutError(ServiceError):
    remedy = "The function's log says where the time went: start again with resume_from set to this run."


class StepCrashedError(ServiceError):
    exit_code = 1
    remedy = "The function's log tells more: start again with resume_from set to this run, or report the bug."


def leaves(root: type[FineTuneSlmError] = FineTuneSlmError) -> dict[str, type[FineTuneSlmError]]:
    """Return every leaf error of this module by its name, the only spelling that the workflow file may use."""
    children = [child for child in root.__subclasses__() if child.__module__ == __name__]
    if not children:
        return {root.__name__: root}
    return {name: leaf for child in children for name, leaf in leaves(child).items()}
