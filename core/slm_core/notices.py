"""Notices to the people who run this: one SNS topic; a notice is worth sending, never worth failing for."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from slm_core.aws import client
from slm_core.step import logger

_LONGEST_SUBJECT = 100


def tell(topic_arn: str | None, subject: str, text: str) -> bool:
    """Return whether the notice was handed to SNS; without a topic there is nobody to tell."""
    if topic_arn is None:
        return False
    try:
        client("sns").publish(TopicArn=topic_arn, Subject=subject[:_LONGEST_SUBJECT], Message=text)
    except (ClientError, BotoCoreError) as error:
        logger.warning("notice not sent", extra={"error": type(error).__name__})
        return False
    return True
