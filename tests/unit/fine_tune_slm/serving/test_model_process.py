"""The process that holds the model: whoever asks gets the answer to his own note, or hears that there is none."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from fine_tune_slm.errors import ModelEndedError
from fine_tune_slm.serving.model_process import ModelProcess
from fine_tune_slm.serving.server import is_loopback

ECHO = """
import json, sys, time
for line in sys.stdin:
    if "wait" in (note := json.loads(line)):
        time.sleep(60)
    print(note, flush=True)
"""
PATIENCE_SECONDS = 60.0


def echo(directory: Path, patience_seconds: float = PATIENCE_SECONDS) -> ModelProcess:
    return ModelProcess([sys.executable, "-c", ECHO], directory, patience_seconds)


def test_notes_are_answered_by_one_process(tmp_path):
    async def two() -> list[str]:
        model = echo(tmp_path)
        answers = [await model.answer(note) for note in ("Synthetic \u00e9 one", "Synthetic two")]
        await model.stop()
        return answers

    assert asyncio.run(two()) == ["Synthetic \u00e9 one\n", "Synthetic two\n"]


def test_a_model_that_does_not_answer_is_stopped_and_the_next_note_starts_another(tmp_path, monkeypatch):
    async def both() -> str:
        model = echo(tmp_path, patience_seconds=0.2)
        with pytest.raises(ModelEndedError, match="did not answer"):
            await model.answer("Synthetic: wait")
        monkeypatch.setattr(model, "_patience_seconds", PATIENCE_SECONDS)
        answer = await model.answer("Synthetic")
        await model.stop()
        return answer

    assert asyncio.run(both()) == "Synthetic\n"


def test_nobody_gets_the_answer_to_a_note_whose_sender_has_gone(tmp_path):
    async def both() -> str:
        model = echo(tmp_path)
        gone = asyncio.create_task(model.answer("Synthetic: wait"))
        await asyncio.sleep(0.1)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        answer = await model.answer("Synthetic: mine")
        await model.stop()
        return answer

    assert asyncio.run(both()) == "Synthetic: mine\n"


def test_a_process_that_ends_is_told_with_its_exit_code(tmp_path):
    async def ended() -> None:
        await ModelProcess([sys.executable, "-c", "raise SystemExit(4)"], tmp_path).answer("Synthetic")

    with pytest.raises(ModelEndedError, match="exit code 4"):
        asyncio.run(ended())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_this_machine_alone(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "desk.example"])
def test_anything_else_others_may_reach(host):
    assert not is_loopback(host)
