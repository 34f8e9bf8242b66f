"""What one run of the bench is made of: the same for every contender, handed to each process as a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATASET = ROOT / "synthetic-instruction-tuning-dataset"
CONFIG = ROOT / "config" / "training_config.local.yml"
LOCAL_MODEL = ROOT / ".local" / "models" / "SmolLM2-135M-Instruct"

# the first of the held-out notes give a loss; the generation may answer more of them
LOSS_NOTES = 32
SAMPLES_PER_STEP = 4


@dataclass(frozen=True)
class Plan:
    """One run. Rank, learning rate, schedule and optimiser are those of the laptop's training configuration."""

    model: str
    work_directory: str
    rounds: int
    steps_per_round: int
    held_out_notes: int
    further_samples: int
    generation_chunks: int
    notes_per_chunk: int
    max_new_tokens: int
    seed: int

    @property
    def samples(self) -> int:
        """Return how many samples every contender trains on, once each."""
        return self.rounds * self.steps_per_round * SAMPLES_PER_STEP

    @property
    def adapter(self) -> Path:
        """Return where our own contender leaves what the generation answers with."""
        return Path(self.work_directory, "adapter")

    def write(self) -> Path:
        """Write the plan where the processes read it and return the file."""
        path = Path(self.work_directory, "plan.json")
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path


def read_plan(path: Path) -> Plan:
    """Return the plan in a file."""
    return Plan(**json.loads(path.read_text(encoding="utf-8")))


def round_of(step: int, total_steps: int, rounds: int) -> int:
    """Return the round in which a step falls; contenders with fewer, longer steps share the rounds out evenly."""
    return step * rounds // total_steps


def rotated(names: tuple[str, ...], round_number: int) -> tuple[str, ...]:
    """Return the order of a round: each begins one further, so that nobody is always first or always after another."""
    start = round_number % len(names)
    return names[start:] + names[:start]
