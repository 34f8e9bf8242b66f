"""A function that does what its event says; a rehearsal's stand-in for every way in which a handler can end."""

import json
import os
import time
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from layer_marker import MARK


class OwnError(Exception):
    """An error whose name the workflow catches."""


def handler(event, context):
    print(f"asked to {event.get('do')}")
    return {
        "echo": lambda: event,
        "fail": lambda: (_ for _ in ()).throw(OwnError("as asked")),
        "exit": lambda: os._exit(3),
        "sleep": lambda: time.sleep(event["seconds"]),
        "grow": lambda: "x" * event["size"],
        "tell": lambda: tell(context),
        "call": lambda: call(**event["call"]),
    }[event.get("do", "echo")]()


def call(service, operation, **parameters):
    """Return how AWS answers: the error's code and message, or that there was none."""
    try:
        getattr(boto3.client(service), operation)(**parameters)
    except ClientError as error:
        told = error.response["Error"]
        return {"code": told["Code"], "message": told.get("Message", "")}
    return {"code": "", "message": ""}


def tell(context):
    return {
        "mark": MARK,
        "settings": json.loads((Path(os.environ["CONFIG_DIR"]) / "settings.json").read_text()),
        "scratch": os.environ["SCRATCH"],
        "caller": boto3.client("sts").get_caller_identity()["Arn"],
        "pid": os.getpid(),
        "version": context.function_version,
        "remaining_ms": context.get_remaining_time_in_millis(),
    }
