#!/usr/bin/env python3
"""Creates every parameter that config/aws_config.yml names and that is yours to give; lists the others' owners.

Start it with: python scripts/setup/init_ssm_parameters.py --dry-run
"""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "core")]

from fine_tune_slm.cli import run_params_init  # noqa: E402 - works in a plain checkout too

if __name__ == "__main__":
    run_params_init()
