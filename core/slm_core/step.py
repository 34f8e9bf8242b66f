"""The frame around every handler: typed errors out, structured logs and metrics, and never an event in a log."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from slm_core import clock
from slm_core.aws import as_leaf
from slm_core.errors import FineTuneSlmError, StateInvalidError
from slm_core.training_config import problems

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], Event]
logger = Logger(service="fine-tune-slm")
# its dimension `service` comes from the environment: the stack, so that two stages do not count for one another
metrics = Metrics(namespace="FineTuneSlm")


def step(handler: Handler) -> Handler:
    """Return a handler that raises leaf errors only, and says in log and metrics how it ended.

    Step Functions tells errors by class name, and a ValidationError's text would print its input: both are why.
    """
    name = handler.__module__.rsplit(".", 1)[-1]

    @wraps(handler)
    def framed(event: Event, context: LambdaContext) -> Event:
        started_at = clock.now()
        logger.append_keys(state=name, **_run_keys(event))
        try:
            result = _with_leaf_errors(handler, event, context)
        except FineTuneSlmError as error:
            log = logger.info if error.retryable else logger.warning
            log("step ended with an error", extra={"error": type(error).__name__, "message_text": error.message})
            _count(name, "StepToBeRetried" if error.retryable else "StepFailed")
            raise
        logger.info("step done", extra={"seconds": (clock.now() - started_at).total_seconds()})
        _count(name, "StepDone")
        return result

    return framed


def _with_leaf_errors(handler: Handler, event: Event, context: LambdaContext) -> Event:
    try:
        return handler(event, context)
    except ValidationError as error:
        raise StateInvalidError(f"The input of this step is not what the workflow passes: {problems(error)}") from None
    except (ClientError, BotoCoreError) as error:
        raise as_leaf(error) from error


def _run_keys(event: object) -> dict[str, object]:
    execution, run = (_mapping(event, key) for key in ("execution", "run"))
    return {"run_id": execution.get("name"), "fence": run.get("fence")}


def _mapping(event: object, key: str) -> dict[str, object]:
    found = event.get(key) if isinstance(event, dict) else None
    return found if isinstance(found, dict) else {}


def _count(name: str, metric: str) -> None:
    metrics.add_dimension(name="state", value=name)
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()
