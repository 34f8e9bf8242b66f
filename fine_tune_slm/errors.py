"""What the command line says when it cannot go on; errors of the workflow itself are in slm_core.errors.

FineTuneSlmError
└── CommandLineError
    ├── ArgumentInvalidError        an option or argument cannot be used as it is
    ├── FileUnusableError           a file or the output cannot be read or written
    ├── ProjectIncompleteError      the command was not started in a checkout of the project
    ├── DatasetRefusedError         a dataset has problems; each has been printed
    ├── DatasetStaleError           a dataset is not what this generator writes from its manifest
    ├── TokenizerUnusableError      there is no tokenizer with which lengths could be counted
    ├── AnswersUnreadableError      gold or predictions cannot be scored against each other
    ├── ParametersIncompleteError   some parameters still need a value
    ├── ParametersWrongError        some parameters are missing, malformed or not what the stack says
    ├── StackMissingError           the stack is not deployed in this account and region
    ├── NoteUnreadableError         the note is missing, empty or no text
    ├── RunUnknownError             no such run is kept on this machine
    ├── ExecutionUnknownError       no such run of the stack is known
    ├── LogMissingError             a run has no such log
    ├── RunGoesOnError              a run goes on, so that another cannot start
    ├── CheckpointUnknownError      a run left nothing to go on from
    ├── NothingToResumeError        a run succeeded, so that nothing is left to go on with
    ├── ConfigUndeliverableError    a configuration differs where an execution input cannot carry it
    ├── AnotherRunGoesOnError       the run to stop has ended, and another one goes on
    ├── InstanceNotSeenStoppedError the execution ended, but its instance was not seen stopped
    ├── NothingToCompareError       a run has written nothing that could be compared
    ├── RunUnfinishedError          the run has not ended, or was cut off before its first checkpoint
    ├── RunCutOffError              the run was cut off before its end, and has left a checkpoint
    ├── ModelMissingError           the base model is not on this machine
    ├── ArchiveDamagedError         a kept archive does not match its manifest
    ├── BuildMissingError           nothing was built that could be rehearsed
    ├── BuildStaleError             what was built is older than the code
    ├── EngineUnusableError         there is no such container engine, or it has no image
    ├── ModelBuildFailedError       the local model could not be built
    ├── ExtractionFailedError       the extraction process ended with an error
    ├── AddressUnusableError        serve cannot listen where it was told to
    ├── ServingError                what serve tells a browser or program instead of an answer
    │   ├── NoteRefusedError        no note was sent
    │   ├── NoteTooLongError        the note is longer than serve reads
    │   ├── RequestRefusedError     the request comes from another site, or asks by a name that is not this machine's
    │   ├── ServerBusyError         as many notes are waiting as may wait
    │   ├── ModelEndedError         the model's process ended or no longer answers
    │   └── ServerFailedError       a mistake of ours
    ├── RehearsalFailedError        the run ended otherwise than it should; its failure card has been printed
    ├── RollbackRefusedError        there is nothing to roll back to, or main is not what it should be
    ├── RollbackFailedError         the Hub did not make the commit
    ├── DeletionRefusedError        a run goes on where something is to be deleted
    ├── DeletionFailedError         AWS could not delete all that was to go
    ├── AwsSettingsError            region, credentials or profile are missing or unusable
    ├── AwsRefusedError             AWS said no
    └── AwsUnreachableError         AWS did not answer
"""

from __future__ import annotations

from typing import ClassVar

from slm_core.errors import FineTuneSlmError


class CommandLineError(FineTuneSlmError):
    """A command cannot go on."""


class ArgumentInvalidError(CommandLineError):
    exit_code = 2
    remedy = "Add --help to the command to see what it takes."


class FileUnusableError(CommandLineError):
    remedy = "See what it permits and what space is left there: df -h"


class ProjectIncompleteError(CommandLineError):
    exit_code = 2
    remedy = "Change to a checkout of the project and run the command there."


class DatasetRefusedError(CommandLineError):
    exit_code = 2
    remedy = "Correct the problems, write the manifest again, and check with: fine-tune-slm dataset check DIR"


class DatasetStaleError(CommandLineError):
    exit_code = 2
    remedy = "Write it again with: fine-tune-slm dataset generate --output DIR"


class TokenizerUnusableError(CommandLineError):
    exit_code = 2
    remedy = "Name a directory with tokenizer.json and a chat template with --tokenizer, or leave the option out."


class AnswersUnreadableError(CommandLineError):
    exit_code = 2
    remedy = "Both files hold a line for each note, in the same order; see: fine-tune-slm score --help"


class ParametersIncompleteError(CommandLineError):
    exit_code = 2
    remedy = "Give each a value with: --set CATEGORY.KEY=VALUE"


class ParametersWrongError(CommandLineError):
    exit_code = 2
    remedy = "Correct each as its line says, and check again with: fine-tune-slm params check"


class StackMissingError(CommandLineError):
    exit_code = 2
    remedy = (
        "Name its stage with --stage, or itself with --stack-name where a command takes that, and its account with"
        " --profile and --region; or deploy it: sam deploy"
    )


class NoteUnreadableError(CommandLineError):
    exit_code = 2
    remedy = "Give a UTF-8 text file with one clinical note, or - to read it from standard input."


class RunUnknownError(CommandLineError):
    exit_code = 2
    remedy = "See the runs of this machine with: fine-tune-slm runs; make one with: fine-tune-slm rehearse"


class ExecutionUnknownError(CommandLineError):
    exit_code = 2
    remedy = "See the runs of a stack with: fine-tune-slm runs --stage STAGE; start one with: fine-tune-slm start"


class LogMissingError(CommandLineError):
    remedy = "A step that was never reached logs nothing: see how far the run came with: fine-tune-slm status RUN"


class RunGoesOnError(CommandLineError):
    exit_code = 75
    remedy = "Wait for it, watch it with: fine-tune-slm status RUN --watch; or end it with: fine-tune-slm stop RUN"


class CheckpointUnknownError(CommandLineError):
    exit_code = 2
    remedy = "Begin again with: fine-tune-slm start, or on this machine: fine-tune-slm rehearse"


class NothingToResumeError(CommandLineError):
    exit_code = 2
    remedy = (
        "To train it further, say with what: fine-tune-slm start --stage STAGE"
        """ --input '{"resume_from": "RUN", "training": {"epochs": 6}}'"""
    )


class ConfigUndeliverableError(CommandLineError):
    exit_code = 2
    remedy = (
        "An execution input carries training.*, max_hours, budget_usd and publish; deploy the rest with: sam deploy"
    )


class AnotherRunGoesOnError(CommandLineError):
    exit_code = 2
    remedy = "Nothing was stopped: name the run with fine-tune-slm stop RUN"


class InstanceNotSeenStoppedError(CommandLineError):
    remedy = (
        "The sweeper looks every ten minutes; stop it by hand with: aws ec2 stop-instances --instance-ids INSTANCE, "
        "and see docs/runbook.md"
    )


class NothingToCompareError(CommandLineError):
    exit_code = 2
    remedy = "Only runs that PrepareRun accepted can be compared: see how it ended with: fine-tune-slm status RUN"


class RunUnfinishedError(CommandLineError):
    remedy = "See what it logged with: fine-tune-slm logs RUN; begin again with: fine-tune-slm rehearse"


class RunCutOffError(CommandLineError):
    remedy = (
        "See what it logged with: fine-tune-slm logs RUN; go on from its last checkpoint with: fine-tune-slm resume RUN"
    )


class ModelMissingError(CommandLineError):
    exit_code = 2
    remedy = "Name its directory with --model, or let fine-tune-slm rehearse build the local one."


class ArchiveDamagedError(CommandLineError):
    remedy = "The kept archive was changed or is incomplete: rehearse again, or extract with another run."


class BuildMissingError(CommandLineError):
    exit_code = 2
    remedy = "Build first, which needs Python 3.13: make sam"


class BuildStaleError(CommandLineError):
    exit_code = 2
    remedy = "Build again: make sam"


class EngineUnusableError(CommandLineError):
    exit_code = 2
    remedy = "Build the image on this machine, as root: make image"


class ModelBuildFailedError(CommandLineError):
    remedy = "The lines above say why; a package registry must be reachable for the first build."


class ExtractionFailedError(CommandLineError):
    remedy = "The lines above say why; check the model and the run with: fine-tune-slm status RUN"


class AddressUnusableError(CommandLineError):
    exit_code = 2
    remedy = "Choose another with --host and --port; port 0 takes any that is free."


class ServingError(CommandLineError):
    """A note gets no answer; the message never quotes what was sent."""

    http_status: ClassVar[int] = 500


class NoteRefusedError(ServingError):
    http_status = 400
    remedy = 'Paste a note on the page, or send it to /extract as JSON: {"input": "the note"}.'


class NoteTooLongError(ServingError):
    http_status = 413
    remedy = "Send the part that speaks of the cancer, or read whole files with: fine-tune-slm extract FILE"


class RequestRefusedError(ServingError):
    http_status = 403
    remedy = "Open the address that fine-tune-slm serve printed, or name this one with --host."


class ServerBusyError(ServingError):
    http_status = 429
    remedy = "Try again in a few seconds: notes are read one at a time."


class ModelEndedError(ServingError):
    http_status = 503
    remedy = "Send the note again, which starts the model anew; the terminal of fine-tune-slm serve says why it ended."


class ServerFailedError(ServingError):
    remedy = "This is a mistake in fine-tune-slm serve: please report it, without the note."


class RehearsalFailedError(CommandLineError):
    remedy = "The failure card above says what happened and how to go on."


class RollbackRefusedError(CommandLineError):
    exit_code = 2
    remedy = "Nothing was changed; name a run that published with --to, as the Hub's tags show them."


class RollbackFailedError(CommandLineError):
    remedy = "The Hub's main is as it was, unless the line above names a commit; look at its history and try again."


class DeletionRefusedError(CommandLineError):
    exit_code = 75
    remedy = "Wait until it has ended, or stop it with: fine-tune-slm stop RUN --stage STAGE; then delete again."


class DeletionFailedError(CommandLineError):
    remedy = (
        "Look at the events in CloudFormation's console, remove the cause, and delete again: what is gone stays gone."
    )


class AwsSettingsError(CommandLineError):
    exit_code = 2
    remedy = "Name --profile and --region, or set them up with: aws configure; then look: aws sts get-caller-identity"


class AwsRefusedError(CommandLineError):
    remedy = "Check --profile and --region, and what this identity may do: aws sts get-caller-identity"


class AwsUnreachableError(CommandLineError):
    exit_code = 75
    remedy = "Check the network, --region and --endpoint-url, and try again."
