"""Whether the instance can be stopped: stop protection would defeat every layer but the host's own guard."""

from __future__ import annotations

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok


def look_at_stop_protection(context: Context) -> Finding:
    """Return whether stop protection is off and a shutdown means stop."""
    instance_id, ec2 = context.setting("instance.id"), context.account.client("ec2")
    asked = ("disableApiStop", "instanceInitiatedShutdownBehavior")
    protected, behaviour = (
        ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=name)[name[0].upper() + name[1:]]["Value"]
        for name in asked
    )
    if protected:
        remedy = f"aws ec2 modify-instance-attribute --instance-id {instance_id} --no-disable-api-stop"
        return fail("stop protection is on: nothing could stop the instance", remedy)
    if behaviour != "stop":
        remedy = (
            f"aws ec2 modify-instance-attribute --instance-id {instance_id} --instance-initiated-shutdown-behavior stop"
        )
        return fail(f"a shutdown from inside means {behaviour}, which would lose the instance", remedy)
    return ok("off, and a shutdown from inside means stop")
