"""`python -m scripts.bench.worker NAME PLAN.json`: one contender in its process; scripts.bench starts it.

Each contender's libraries are imported by that contender alone.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from scripts.bench.channel import Channel
from scripts.bench.plan import read_plan

MODULES = {
    "gemm": "scripts.bench.gemm",
    "usual": "scripts.bench.contenders.usual",
    "sft-padded": "scripts.bench.contenders.sft",
    "sft-packed": "scripts.bench.contenders.sft",
    "sft-padding-free": "scripts.bench.contenders.sft",
    "ours": "scripts.bench.contenders.ours",
    "generate": "scripts.bench.generation",
    "generate-ours": "scripts.bench.generation",
}


def main() -> None:
    """Run one contender to its end."""
    name, plan_file = sys.argv[1:]
    channel = Channel()
    import_module(MODULES[name]).run(name, read_plan(Path(plan_file)), channel)


if __name__ == "__main__":
    main()
