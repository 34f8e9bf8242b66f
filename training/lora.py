"""PEFT's LoRA layer with fewer passes over memory; everything else of it stays PEFT's."""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor


class InPlaceLoraLinear(Linear):
    """A LoRA layer that adds its small product into the frozen product's own memory.

    PEFT computes the small product, scales it and adds it: three passes over a tensor as large as the output, in layers
    whose output is written once. The gradients are the same.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return W x + scaling B A x."""
        name = self.active_adapters[0]
        is_plain = len(self.active_adapters) == 1 and name in self.lora_A and name not in self.lora_variant
        if self.disable_adapters or self.merged or args or kwargs or not is_plain:
            return super().forward(x, *args, **kwargs)
        # bf16 weights under an fp32 adapter: within autocast the products agree, outside PEFT's own layer casts
        if x.dtype != self.lora_A[name].weight.dtype and not torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        # in place on a view would make autograd copy
        rows = x.flatten(0, -2)
        narrow = self.lora_A[name](self.lora_dropout[name](rows))
        result = self.base_layer(rows)
        if narrow.dtype != result.dtype:
            return super().forward(x)
        wide: Any = self.lora_B[name]
        return result.addmm_(narrow, wide.weight.t().to(result.dtype), alpha=self.scaling[name]).unflatten(
            0, x.shape[:-1]
        )
