"""docs/measured/bench.md, rendered from the raw figures in bench.json and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.bench.arithmetic import (
    OURS,
    USUAL,
    Ratio,
    Verdict,
    best_sft,
    cpu_seconds_per_sample,
    gemm_rate,
    gemm_share,
    generation_ratio,
    padding_share,
    speedup,
    verdicts,
)
from scripts.tables import table

DESCRIPTIONS = {
    "usual": "HF Trainer, the usual recipe: padded, full-text loss, checkpointing, dropout 0.1",
    "sft-padded": "SFTTrainer: fp32, answers only, grouped by length",
    "sft-packed": "SFTTrainer: fp32, answers only, packed to 1,024 tokens",
    "sft-padding-free": "SFTTrainer: fp32, answers only, grouped by length, padding-free",
    "ours": "**this project**",
}


def page(report: Mapping[str, Any]) -> str:
    """Return the figures as a page of tables."""
    lines = ["# Training and generation, measured side by side", "", *_origin(report), "", *_training(report)]
    lines += ["", *_rounds(report), *_generation(report), "", *_goals(report)]
    return "\n".join(lines) + "\n"


def _origin(report: Mapping[str, Any]) -> list[str]:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return [
        f"Made by `make bench` on {machine['date']} in {report['seconds'] / 60:.1f} minutes on {machine['cpu']},"
        f" {machine['cores']} cores; Python {machine['python']}, {versions}. The raw figures: `bench.json`."
        " How each number is defined: [../training.md](../training.md).",
    ]


def _training(report: Mapping[str, Any]) -> list[str]:
    plan, contenders = report["plan"], report["contenders"]
    return [
        "## Training",
        "",
        f"{len(report['lengths'])} notes of train.jsonl ({_tokens(report)} tokens), once each, on"
        f" {report['model']} in fp32; the same LoRA adapter (rank {report['lora_rank']}, all linear layers), learning"
        f" rate {report['learning_rate']:g}, schedule and seed; {report['samples_per_step']} notes an optimiser step"
        f" (packed: as many as fit). {plan['rounds']} rounds in rotating order, one process at work at any time."
        f" Held-out loss: nats per answer token on {report['held_out_notes']} notes of train.jsonl that nobody trained"
        " on.",
        "",
        *table(
            (
                "",
                "samples/s",
                "CPU s per sample",
                "x usual (rounds)",
                "peak MB",
                "GEMM share",
                "padding",
                "held-out loss",
            ),
            (_row(name, contenders[name], report) for name in contenders),
        ),
        "",
        "x usual: how many times fewer CPU seconds than the usual recipe over the whole run; in brackets the least and"
        " the most of a round, per real token. GEMM share: operations that the samples' real tokens need, over CPU"
        f" seconds, over the {gemm_rate(report) / 1e9:.0f} GFLOP per CPU second that this model's bare matrix products"
        " reached in the same rounds. Counted per sample: 4 for each frozen weight and token (forward, gradient of the"
        " input), 6 for each adapter weight and token, 4 for each weight of the head and answer token, and causal"
        " attention; recomputation, padding and head rows outside the answer count as nothing, for everybody.",
    ]


def _row(name: str, contender: Mapping[str, Any], report: Mapping[str, Any]) -> tuple[str, ...]:
    rounds = contender["rounds"]
    rate = sum(one["samples"] for one in rounds) / sum(one["wall_seconds"] for one in rounds)
    return (
        DESCRIPTIONS[name],
        f"{rate:.2f}",
        f"{cpu_seconds_per_sample(contender):.2f}",
        _ratio(speedup(contender, report["contenders"][USUAL])),
        f"{contender['peak_memory_mb']:,.0f}",
        f"{gemm_share(contender, report):.0%}",
        f"{padding_share(contender):.1%}",
        f"{contender['held_out_loss']:.3f}",
    )


def _rounds(report: Mapping[str, Any]) -> list[str]:
    names = list(report["contenders"])
    ours = report["contenders"][OURS]
    sft = best_sft(report["contenders"])
    rows = [
        (str(number + 1), *(f"{1000 * one['cpu_seconds'] / one['tokens']:.2f}" for one in turns))
        for number, turns in enumerate(zip(*(report["contenders"][name]["rounds"] for name in names), strict=True))
    ]
    return [
        "CPU seconds per 1,000 real tokens, round by round:",
        "",
        *table(("round", *names), rows),
        "",
        f"The quickest SFTTrainer is {sft}: ours needs {_ratio(speedup(ours, report['contenders'][sft]))} times"
        " fewer CPU seconds.",
    ]


def _generation(report: Mapping[str, Any]) -> list[str]:
    generation = report["generation"]
    if generation is None:
        return []
    notes = sum(one["notes"] for one in generation["ours"])
    return [
        "",
        "## Generation",
        "",
        f"{notes} held-out notes in {len(generation['ours'])} chunks, in turn, greedy, fp32, on the adapter that"
        f" ours trained above and then, unmeasured, on {report['plan']['further_samples']} more notes. `generate`:"
        " transformers' own, batches of the same size, padded on the left, adapter merged.",
        "",
        *table(
            ("", "notes/s", "CPU s per note", "tokens"),
            (
                _generation_row(label, generation[name])
                for label, name in (("`generate`", "generate"), ("**this project**", "ours"))
            ),
        ),
        "",
        f"Ours needs {_ratio(generation_ratio(generation))} times fewer CPU seconds. {generation['equal']} of {notes}"
        f" answers are equal token for token; {generation['ended']} of {notes} ended by themselves within"
        f" {generation['max_new_tokens']} tokens.",
    ]


def _generation_row(label: str, chunks: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    notes, wall, cpu, tokens = (
        sum(one[key] for one in chunks) for key in ("notes", "wall_seconds", "cpu_seconds", "tokens")
    )
    return label, f"{notes / wall:.2f}", f"{cpu / notes:.2f}", f"{tokens:,.0f}"


def _goals(report: Mapping[str, Any]) -> list[str]:
    rows = map(_goal, verdicts(report))
    return ["## Goals", "", *table(("goal", "bound", "reached", ""), rows)]


def _goal(verdict: Verdict) -> tuple[str, ...]:
    sign = ">=" if verdict.is_minimum else "<="
    missed = "**BELOW THE FLOOR**" if verdict.is_floor else "**missed**"
    return verdict.name, f"{sign} {verdict.bound:g}", f"{verdict.value:.3g}", "met" if verdict.is_met else missed


def _tokens(report: Mapping[str, Any]) -> str:
    return f"{sum(map(sum, report['lengths'])):,}"


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.whole:.2f} ({ratio.least:.2f} to {ratio.most:.2f})"
