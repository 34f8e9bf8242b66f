"""Whether the sweeper is alive: its schedule is on, and it came to its end within the last half hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from slm_core import clock

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn

SCHEDULE, FUNCTION = "SweepInstancesFunctionEveryTenMinutes", "SweepInstancesFunction"
SILENT_MINUTES = 30
"""As long as the alarm SweeperMissing waits."""


def look_at_sweeper(context: Context) -> Finding:
    """Return when the sweeper last looked; one that has just been deployed is given time."""
    name = context.stack.physical_ids[SCHEDULE].rpartition("/")[2]
    schedule = context.account.client("scheduler").get_schedule(Name=name)
    if schedule["State"] != "ENABLED":
        return fail(f"schedule {name} is {schedule['State']}", "Deploy the template again: it switches it on.")
    if times_ran(context) > 0:
        return ok(f"schedule {name} is on, and the sweeper has looked within {SILENT_MINUTES} minutes")
    told = f"the sweeper has not looked within {SILENT_MINUTES} minutes"
    if clock.now() - schedule["CreationDate"] < timedelta(minutes=SILENT_MINUTES):
        return warn(f"{told}; its schedule is younger than that", "Ask again in half an hour.")
    return fail(told, "Read its log and docs/runbook.md#sweeper-missing before you start a run.")


def times_ran(context: Context) -> float:
    """Return how often the sweeper came to its end lately, by the metric that its alarm watches."""
    environment = context.stack.function_environment(FUNCTION)
    now = clock.now()
    answer: dict[str, Any] = context.account.client("cloudwatch").get_metric_statistics(
        Namespace=environment["POWERTOOLS_METRICS_NAMESPACE"],
        MetricName="SweeperRan",
        Dimensions=[{"Name": "service", "Value": environment["POWERTOOLS_SERVICE_NAME"]}],
        StartTime=now - timedelta(minutes=SILENT_MINUTES),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return sum(float(point["Sum"]) for point in answer["Datapoints"])
