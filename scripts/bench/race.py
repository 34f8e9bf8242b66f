"""The course of a run: rounds in rotating order, one contender at work at any time, and what each turn cost."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scripts.bench.arithmetic import OURS, Shapes
from scripts.bench.plan import Plan, rotated
from scripts.bench.processes import Worker, started

GEMM = "gemm"
TRAINERS = ("usual", "sft-padded", "sft-packed", "sft-padding-free", "ours")
GENERATORS = ("generate", "generate-ours")


class Progress:
    """Lines on stderr: what runs, and how long the rest may take by what has been seen."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._began = time.monotonic()

    def say(self, text: str, *, turns_done: int = 0, turns: int = 0) -> None:
        """Print a line; with turns, how long those that are left may take."""
        elapsed = time.monotonic() - self._began
        left = (
            f"; this part: about {elapsed / turns_done * (turns - turns_done) / 60:.1f} minutes left"
            if turns_done
            else ""
        )
        sys.stderr.write(f"{elapsed:5.0f} s  {text}{left}\n")


def train(plan: Plan, plan_file: Path, progress: Progress) -> dict[str, Any]:
    """Return what the contenders and the bare matrix products cost, round by round, and what was learned."""
    with ExitStack() as stack:
        workers = _start((GEMM, *TRAINERS), plan_file, stack, progress)
        gemm = []
        for number in range(plan.rounds):
            for place, name in enumerate(rotated(tuple(workers), number)):
                cost = workers[name].turn()
                if name == GEMM:
                    gemm.append(cost)
                done = number * len(workers) + place + 1
                what = f"round {number + 1} of {plan.rounds}: {name} took {cost['wall_seconds']:.1f} s"
                progress.say(what, turns_done=done, turns=plan.rounds * len(workers))
        contenders = {}
        for name in TRAINERS:
            contenders[name] = workers[name].turn()
            progress.say(f"{name}: {contenders[name]['held_out_loss']:.3f} nats per answer token on held-out notes")
        if plan.generation_chunks:
            progress.say(f"{OURS} goes on over {plan.further_samples} notes, unmeasured, for the generation")
            workers[OURS].turn()
    lengths = [contender.pop("lengths") for contender in contenders.values()]
    return {"contenders": contenders, "gemm": gemm, "lengths": lengths[0], "shapes": _shapes(plan)}


def generate(plan: Plan, plan_file: Path, progress: Progress) -> dict[str, Any] | None:
    """Return what the answers cost, chunk by chunk, and how many are the same token for token."""
    if plan.generation_chunks == 0:
        return None
    answers: dict[str, list[list[int]]] = {name: [] for name in GENERATORS}
    costs: dict[str, list[dict[str, float]]] = {name: [] for name in GENERATORS}
    with ExitStack() as stack:
        workers = _start(GENERATORS, plan_file, stack, progress)
        for chunk in range(plan.generation_chunks):
            for name in rotated(GENERATORS, chunk):
                cost = workers[name].turn()
                answers[name] += cost["answers"]
                costs[name].append(_cost_of(cost))
                progress.say(f"chunk {chunk + 1} of {plan.generation_chunks}: {name} {cost['wall_seconds']:.1f} s")
    return generation_report(plan, answers, costs)


def generation_report(
    plan: Plan, answers: dict[str, list[list[int]]], costs: dict[str, list[dict[str, float]]]
) -> dict[str, Any]:
    """Return the costs with counts; the answers themselves are not kept."""
    theirs, ours = (answers[name] for name in GENERATORS)
    return {
        "generate": costs["generate"],
        "ours": costs["generate-ours"],
        "equal": sum(one == other for one, other in zip(theirs, ours, strict=True)),
        "ended": sum(len(answer) < plan.max_new_tokens for answer in ours),
        "max_new_tokens": plan.max_new_tokens,
    }


def _cost_of(turn: dict[str, Any]) -> dict[str, float]:
    tokens = sum(len(answer) for answer in turn["answers"])
    return {
        "cpu_seconds": turn["cpu_seconds"],
        "wall_seconds": turn["wall_seconds"],
        "notes": len(turn["answers"]),
        "tokens": tokens,
    }


def _start(names: tuple[str, ...], plan_file: Path, stack: ExitStack, progress: Progress) -> dict[str, Worker]:
    workers = {}
    for name in names:
        progress.say(f"starting {name}")
        workers[name] = stack.enter_context(started(name, plan_file))
    return workers


def _shapes(plan: Plan) -> dict[str, int]:
    config = json.loads(Path(plan.model, "config.json").read_text(encoding="utf-8"))
    return vars(Shapes.from_config(config))
