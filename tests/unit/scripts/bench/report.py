"""A small report of the bench, made by hand: round numbers, so that every figure on its page can be checked by eye."""

from __future__ import annotations

from typing import Any


def contender(cpu_seconds: tuple[float, float], loss: float, *, positions: int = 1000) -> dict[str, Any]:
    """Return two rounds of four samples and 1,000 tokens each."""
    rounds = [
        {"cpu_seconds": one, "wall_seconds": one / 2, "samples": 4, "tokens": 1000, "positions": positions, "steps": 1}
        for one in cpu_seconds
    ]
    return {"rounds": rounds, "held_out_loss": loss, "peak_memory_mb": 2048.4}


def chunk(cpu_seconds: float) -> dict[str, float]:
    """Return a chunk of eight answers."""
    return {"cpu_seconds": cpu_seconds, "wall_seconds": cpu_seconds / 2, "notes": 8, "tokens": 560}


def report(**contenders: dict[str, Any]) -> dict[str, Any]:
    """Return a report; keywords replace contenders, with _ for -."""
    standing = {
        "usual": contender((40.0, 44.0), 0.5, positions=1250),
        "sft-padded": contender((30.0, 30.0), 0.45),
        "sft-packed": contender((28.0, 32.4), 0.45),
        "ours": contender((20.0, 20.0), 0.45),
    }
    return {
        "machine": {
            "date": "2026-01-02",
            "cpu": "A processor",
            "cores": 2,
            "python": "3.11.0",
            "versions": {"torch": "1.0", "trl": "2.0"},
        },
        "model": "A-model",
        "plan": {"rounds": 2, "steps_per_round": 1, "further_samples": 8},
        "samples_per_step": 4,
        "held_out_notes": 32,
        "lora_rank": 2,
        "learning_rate": 0.0015,
        "contenders": standing | {name.replace("_", "-"): value for name, value in contenders.items()},
        "gemm": [{"cpu_seconds": 2.0, "wall_seconds": 1.0, "flops": 1_000_000}] * 2,
        "lengths": [[150, 100]] * 8,
        "shapes": {
            "layers": 1,
            "hidden": 2,
            "intermediate": 3,
            "attention": 2,
            "key_value": 1,
            "vocabulary": 5,
        },
        "generation": {
            "generate": [chunk(24.0), chunk(20.0)],
            "ours": [chunk(10.0), chunk(10.0)],
            "equal": 16,
            "ended": 15,
            "max_new_tokens": 200,
        },
        "seconds": 600.0,
    }
