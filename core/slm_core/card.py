"""The failure card: what a person reads first when a run has not succeeded. Pure: it must not import boto3."""

from __future__ import annotations

from slm_core.records import RunRecord

_WHAT = {"ABORTED": "was aborted", "TIMED_OUT": "ran into its time limit", "FAILED": "failed"}


def failure_card(run_id: str, status: str, record: RunRecord | None) -> tuple[str, str]:
    """Return subject and text of the notice about a run that was aborted, timed out or failed."""
    what = "was rejected by the gate" if record and record.status == "rejected" else _WHAT[status]
    lines = [f"Run {run_id} {what}.", "", *(_facts(record) if record else ["There is no record of the run."])]
    lines += ["", f"See it with: fine-tune-slm status {run_id} --stage STAGE"]
    # a rejected model's training is complete: the same once more would be rejected again
    if record is None or (record.last_checkpoint_step is not None and record.status != "rejected"):
        lines += [f"Continue it with: fine-tune-slm resume {run_id} --stage STAGE"]
    lines += ["What the error means and what to do: docs/runbook.md"]
    return f"fine-tune-slm: run {run_id} {what}", "\n".join(lines)


def stop_card(instance_id: str, reason: str, state: str) -> tuple[str, str]:
    """Return subject and text of the notice about an instance that the sweeper had to stop."""
    lines = [f"The sweeper stopped instance {instance_id} because {reason}.", f"Its state now: {state}."]
    text = "\n".join([*lines, "", "The runbook: docs/runbook.md"])
    return f"fine-tune-slm: instance {instance_id} was swept", text


def _facts(record: RunRecord) -> list[str]:
    instance = record.instance
    facts = {
        "error": record.failure.error if record.failure else None,
        "cause": record.failure.cause if record.failure else None,
        "state that failed": record.failure.state if record.failure else None,
        "instance": f"{instance.instance_id}: {instance.state}" if instance else "not touched",
        "last checkpoint": f"step {record.last_checkpoint_step}" if record.last_checkpoint_step else "none",
        "cost so far": f"${record.cost_usd:.2f}" if record.cost_usd is not None else None,
        "archive": record.archive_uri,
    }
    return [f"{name:18}{value}" for name, value in facts.items() if value is not None]
