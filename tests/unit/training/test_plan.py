"""`python -m training plan` answers at once, without torch and without a model."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from training.cli import main
from training.encoding import EncodedRecord
from training.plan import counts_of

ROOT = Path(__file__).parents[3]
CONFIG, PRICES = ROOT / "config" / "training_config.yml", ROOT / "config" / "prices.yml"
PLAN = ("plan", "--config", str(CONFIG), "--prices", str(PRICES))


def test_the_plan_is_printed_as_text(capsys):
    assert main([*PLAN, "--gpu", "l4"]) == 0
    assert "Llama 3.1 8B Instruct on 1 x l4" in capsys.readouterr().out


def test_the_plan_is_printed_as_json(capsys):
    assert main([*PLAN, "--gpu", "h100", "--gpus", "8", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["instance_type"], plan["usd_per_hour"]) == ("p5.48xlarge", None)
    assert len(plan["variants"]) == 4


def test_the_plan_imports_neither_torch_nor_transformers():
    lines = ("import sys", "from training.cli import main", f"main({list(PLAN)!r})")
    code = "\n".join((*lines, "print({'torch', 'transformers'} & set(sys.modules))"))
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("arguments", "naming"),
    [
        (("--gpu", "t4"), "known: l4, a10g, l40s, a100, h100"),
        (("--gpus", "0"), "gpus"),
        (("--gpus", "64"), "64 GPUs"),
        (("--dataset", "nowhere"), "--model DIR"),
        (("--model", "nowhere"), "config.json"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_the_remedy(arguments, naming, capsys):
    assert main([*PLAN, *arguments]) == 2
    assert naming in capsys.readouterr().err


def test_a_base_model_outside_the_table_needs_its_directory(tmp_path, capsys):
    config = tmp_path / "other.yml"
    shutil.copy(CONFIG, config)
    config.write_text(config.read_text().replace("meta-llama/Llama-3.1-8B-Instruct", "team/other"))
    assert main(["plan", "--config", str(config), "--prices", str(PRICES)]) == 2
    assert "--model DIR" in capsys.readouterr().err


def test_tokens_are_counted_over_both_sets():
    train = [EncodedRecord((1,) * prompt, (2,) * answer) for prompt, answer in ((10, 2), (20, 4))]
    counts = counts_of(train, [EncodedRecord((1,) * 50, (2,) * 9)])
    assert (counts.train_records, counts.validation_records) == (2, 1)
    assert (counts.mean_tokens, counts.longest_tokens) == (18, 59)
    assert (counts.mean_answer_tokens, counts.longest_answer_tokens) == (3, 9)
