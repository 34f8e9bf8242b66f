"""The GPUs that a plan can be made for.

Source: the makers' data sheets (dense rates, no sparsity). Memory is what CUDA offers of the nominal size, rounded
down; it has not been measured here.
"""

from __future__ import annotations

from pydantic import Field

from slm_core.errors import ConfigInvalidError
from slm_core.training_config import Frozen

GIB = 1024**3


class Gpu(Frozen):
    """One kind of GPU and the instance types that carry it."""

    name: str
    memory_gib: float = Field(gt=0)
    bfloat16_tflops: float = Field(gt=0)
    float32_tflops: float = Field(gt=0)
    gigabytes_per_second: float = Field(gt=0, description="Memory bandwidth.")
    instance_types: tuple[tuple[int, str], ...] = Field(description="(GPUs, type), the smallest first.")

    @property
    def memory_bytes(self) -> int:
        """What a process can take."""
        return int(self.memory_gib * GIB)

    def instance_type(self, count: int) -> tuple[int, str]:
        """Return the smallest instance with so many of these GPUs, and how many it has.

        Raises: ConfigInvalidError.
        """
        for gpus, name in self.instance_types:
            if gpus >= count:
                return gpus, name
        raise ConfigInvalidError(f"No instance type with {count} GPUs of type {self.name} is known")


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu(
            name="l4", memory_gib=22.0, bfloat16_tflops=121, float32_tflops=30.3, gigabytes_per_second=300,
            instance_types=((1, "g6.2xlarge"), (4, "g6.12xlarge"), (8, "g6.48xlarge")),
        ),
        Gpu(
            name="a10g", memory_gib=22.0, bfloat16_tflops=70, float32_tflops=35, gigabytes_per_second=600,
            instance_types=((1, "g5.2xlarge"), (4, "g5.12xlarge"), (8, "g5.48xlarge")),
        ),
        Gpu(
            name="l40s", memory_gib=44.0, bfloat16_tflops=362, float32_tflops=91.6, gigabytes_per_second=864,
            instance_types=((1, "g6e.2xlarge"), (4, "g6e.12xlarge"), (8, "g6e.48xlarge")),
        ),
        Gpu(
            name="a100", memory_gib=39.0, bfloat16_tflops=312, float32_tflops=19.5, gigabytes_per_second=1555,
            instance_types=((8, "p4d.24xlarge"),),
        ),
        Gpu(
            name="h100", memory_gib=79.0, bfloat16_tflops=989, float32_tflops=67, gigabytes_per_second=3350,
            instance_types=((1, "p5.4xlarge"), (8, "p5.48xlarge")),
        ),
    )
}  # fmt: skip


def gpu_of(instance_type: str) -> Gpu:
    """Return the GPU that an instance type carries, by its family.

    Raises: ConfigInvalidError.
    """
    family = instance_type.partition(".")[0]
    for gpu in GPUS.values():
        if any(name.partition(".")[0] == family for _, name in gpu.instance_types):
            return gpu
    raise ConfigInvalidError(f"Which GPU an instance of type {instance_type} has is not known")


def known_gpu(name: str) -> Gpu:
    """Return a GPU by its name, in any case.

    Raises: ConfigInvalidError naming those that are known.
    """
    if name.lower() not in GPUS:
        raise ConfigInvalidError(f"No GPU of that name is known (known: {', '.join(GPUS)})")
    return GPUS[name.lower()]
