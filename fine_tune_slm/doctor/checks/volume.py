"""Whether the checkpoint volume has room for the base model and a run's checkpoints."""

from __future__ import annotations

from slm_core.sizing.memory import BFLOAT16_BYTES, FLOAT32_BYTES
from slm_core.sizing.shape import known_shape

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok

GIB = 1024**3
MODEL_COPIES = 2
"""The one that is being downloaded beside a revision that is already there."""
VALUES_A_CHECKPOINT = 3
"""The adapter and AdamW's two moments."""


def look_at_volume(context: Context) -> Finding:
    """Return whether the volume is attached and large enough; what is free on it only the host knows."""
    instance = context.instance()
    devices = {
        mapping["Ebs"]["VolumeId"]
        for mapping in instance["BlockDeviceMappings"]
        if mapping["DeviceName"] != instance["RootDeviceName"]
    }
    needed_gib = needed_bytes(context) / GIB
    if not devices:
        return fail("no volume besides the root disk is attached to the instance", "Deploy the template again.")
    found = context.account.client("ec2").describe_volumes(VolumeIds=sorted(devices))["Volumes"]
    size_gib = max(int(volume["Size"]) for volume in found)
    if size_gib < needed_gib:
        remedy = f"Deploy with CheckpointVolumeGiB of at least {needed_gib:.0f}."
        return fail(f"{size_gib} GiB are too few for the model and a run's checkpoints ({needed_gib:.0f} GiB)", remedy)
    return ok(f"{size_gib} GiB; the model and a run's checkpoints take {needed_gib:.0f} GiB")


def needed_bytes(context: Context) -> float:
    """Return what the model, twice, and the checkpoints that are kept take."""
    options, shape = context.config.training, known_shape(context.config.base_model.repo_id)
    model = (shape.linear_parameters + shape.other_parameters) * BFLOAT16_BYTES
    adapter = shape.adapter_parameters(options.lora_rank, options.target_modules)
    checkpoint = adapter * VALUES_A_CHECKPOINT * FLOAT32_BYTES
    # one more than is kept is being written
    return MODEL_COPIES * model + (options.keep_checkpoints + 1) * checkpoint
