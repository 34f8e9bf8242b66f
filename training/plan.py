"""`plan` of the command line: what a run will need, said before anything starts.

It imports torch only when the tokens of a dataset are to be counted, so that the answer comes at once otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.errors import BaseModelCorruptError, ConfigInvalidError, DatasetInvalidError, PlanInvalidError
from slm_core.prices import load_prices
from slm_core.sizing.duration import TokenCounts
from slm_core.sizing.gpu import known_gpu
from slm_core.sizing.plan import ASSUMED_COUNTS, PlanRequest, as_text, make_plan
from slm_core.sizing.shape import known_shape, read_shape
from slm_core.training_config import load_training_config

if TYPE_CHECKING:
    from training.encoding import EncodedRecord


@dataclass(frozen=True)
class PlanQuestion:
    """What `plan` is asked."""

    config: Path
    prices: Path
    gpu: str
    gpus: int
    model: Path | None
    dataset: Path | None
    is_json: bool


def plan_text(options: PlanQuestion) -> str:
    """Return the plan as text or JSON.

    Raises: PlanInvalidError.
    """
    try:
        return _plan_text(options)
    except (BaseModelCorruptError, ConfigInvalidError, DatasetInvalidError) as error:
        raise PlanInvalidError(error.message) from error


def _plan_text(options: PlanQuestion) -> str:
    if options.gpus < 1:
        raise ConfigInvalidError("--gpus must be at least 1")
    config = load_training_config(options.config)
    request = PlanRequest(
        config=config,
        shape=read_shape(options.model) if options.model else known_shape(config.base_model.repo_id),
        gpu=known_gpu(options.gpu),
        gpus=options.gpus,
        counts=_counts(options.model, options.dataset),
    )
    plan = make_plan(request, load_prices(options.prices, config.prices))
    return plan.model_dump_json(indent=2) if options.is_json else as_text(plan)


def _counts(model: Path | None, dataset: Path | None) -> TokenCounts:
    if dataset is None:
        return ASSUMED_COUNTS
    if model is None:
        raise ConfigInvalidError("To count the dataset's tokens the plan needs a tokenizer: add --model DIR")
    from training.dataset import TRAIN_FILE, VALIDATION_FILE, read_records
    from training.encoding import encode_records
    from training.models import load_tokenizer

    tokenizer = load_tokenizer(model)
    train, validation = (
        encode_records(tokenizer, read_records(dataset / name)) for name in (TRAIN_FILE, VALIDATION_FILE)
    )
    return counts_of(train, validation)


def counts_of(train: list[EncodedRecord], validation: list[EncodedRecord]) -> TokenCounts:
    """Return the token counts of encoded records: means of the training set, extremes of both."""
    lengths = sorted(len(record) for record in (*train, *validation))
    answers = [len(record.answer_ids) for record in train]
    return TokenCounts(
        train_records=len(train),
        validation_records=len(validation),
        mean_tokens=sum(len(record) for record in train) / len(train),
        p99_tokens=lengths[int(0.99 * (len(lengths) - 1))],
        longest_tokens=lengths[-1],
        mean_answer_tokens=sum(answers) / len(answers),
        longest_answer_tokens=max(*answers, *(len(record.answer_ids) for record in validation)),
        source="counted with the model's tokenizer",
    )
