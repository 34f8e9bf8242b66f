"""Several processes as one trainer: each takes its share of a step's records, gradients are summed once a step.

Not DistributedDataParallel's hooks: a share may hold any number of micro-batches, even none, the loss is a mean over
the answer tokens of all shares, and the head is called at the answer's rows alone, outside the model's own forward.
Source: docs/decisions/0018-several-processes.md
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from slm_core.errors import GpuMissingError
from torch import Tensor, nn
from torch import distributed as dist

# the others wait while the first downloads and evaluates; a process that died ends the launch through torchrun
PATIENCE = timedelta(hours=48)


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is; alone, every method is free."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Say whether this process writes files, heartbeats and artifacts."""
        return self.rank == 0

    def wait(self) -> None:
        """Return when every process has come here."""
        self.total([0.0])

    def total(self, values: Sequence[float]) -> list[float]:
        """Return the sums over all processes."""
        if self.count == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(sums)
        return [float(value) for value in sums]

    def is_any(self, claim: bool) -> bool:
        """Say whether the claim holds in any process; the answer is the same in all of them."""
        return self.total([float(claim)])[0] > 0

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes; a missing one counts as zero."""
        if self.count == 1:
            return
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        flat = torch.cat([_gradient_of(parameter).flatten() for parameter in trained])
        dist.all_reduce(flat)
        for parameter, summed in zip(trained, flat.split([item.numel() for item in trained]), strict=True):
            parameter.grad = summed.view_as(parameter)

    @contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """Run the block in the first process and then in the others, which find its caches."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    def part(self) -> None:
        """Leave the others, after all have come here: what follows is the first's alone."""
        if self.count > 1:
            self.wait()
            dist.destroy_process_group()


ALONE = Ranks()


def join_ranks() -> Ranks:
    """Join the processes that torchrun has started and take a GPU of one's own.

    Raises: GpuMissingError when there are more processes than GPUs.
    """
    has_gpu = torch.cuda.is_available()
    local_rank = int(os.environ["LOCAL_RANK"])
    if has_gpu and local_rank >= torch.cuda.device_count():
        raise GpuMissingError(f"Process {local_rank + 1} finds only {torch.cuda.device_count()} GPUs")
    if has_gpu:
        torch.cuda.set_device(local_rank)
    # all of them run in one container
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=PATIENCE)
    return Ranks(dist.get_rank(), dist.get_world_size())


def _gradient_of(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
