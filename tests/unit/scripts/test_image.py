"""What `make image` installs and shows."""

import json
import re
from pathlib import Path

from scripts.image.cpu_requirements import cpu_requirements
from scripts.image.page import page

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "training" / "requirements.lock").read_text(encoding="utf-8")
DIGEST = "0" * 64


def entries(text):
    """Return the hashes of each entry of a requirements file."""
    found = re.findall(r"^([\w.-]+)==\S+ \\\n((?:\s+--hash=\S+(?: \\)?\n)+)", text, flags=re.MULTILINE)
    return {name: re.findall(r"sha256:(\w+)", hashes) for name, hashes in found}


def test_only_torch_is_another_build_and_only_its_cuda_libraries_are_left_out():
    locked, image = entries(LOCK), entries(cpu_requirements(LOCK, DIGEST))
    left_out = locked.keys() - image.keys()
    assert image["torch"] == [DIGEST]
    assert all(re.match(r"nvidia-|cuda-|triton$", name) for name in left_out)
    assert {"nvidia-cublas", "triton"} <= left_out
    assert {name: hashes for name, hashes in image.items() if name != "torch"} == {
        name: hashes for name, hashes in locked.items() if name not in left_out | {"torch"}
    }


def test_the_measured_page_is_the_rendering_of_its_figures_and_shows_an_image_that_holds_what_was_decided():
    figures = json.loads((ROOT / "docs" / "measured" / "image.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "measured" / "image.md").read_text(encoding="utf-8") == page(figures), "run make image"
    inside = figures["inside"]
    assert (inside["user"], inside["compilers"], inside["pip_in_environment"]) == (10001, [], False)
    assert inside["packages"] == len(entries(cpu_requirements(LOCK, DIGEST)))
