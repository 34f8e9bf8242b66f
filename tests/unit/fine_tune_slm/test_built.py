"""What was built is rehearsed only if it is of this code."""

import os

import pytest

from fine_tune_slm.built import find_built
from fine_tune_slm.errors import BuildMissingError, BuildStaleError

BUILT = 2_000_000_000


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose build is newer than its sources."""
    for name in ("template.yaml", "core/slm_core/clock.py", "lambdas/step.py", "layers/hub/requirements.txt"):
        write(tmp_path / name, BUILT - 10)
    write(tmp_path / ".aws-sam" / "build" / "template.yaml", BUILT)
    write(tmp_path / ".local" / "venvs" / "lambda" / "bin" / "python", BUILT)
    return tmp_path


def write(path, modified_at):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (modified_at, modified_at))


def test_the_build_of_this_code_is_found_with_lambdas_python(checkout):
    built = find_built(checkout)
    assert built.template == checkout / ".aws-sam" / "build" / "template.yaml"
    assert built.python == checkout / ".local" / "venvs" / "lambda" / "bin" / "python"


@pytest.mark.parametrize("missing", [".aws-sam/build/template.yaml", ".local/venvs/lambda/bin/python"])
def test_without_a_build_or_its_python_the_remedy_is_to_build(checkout, missing):
    (checkout / missing).unlink()
    with pytest.raises(BuildMissingError, match=missing):
        find_built(checkout)
    assert "make sam" in BuildMissingError.remedy


@pytest.mark.parametrize("changed", ["template.yaml", "core/slm_core/clock.py", "lambdas/step.py"])
def test_code_that_changed_after_the_build_is_not_passed_off_as_built(checkout, changed):
    write(checkout / changed, BUILT + 1)
    with pytest.raises(BuildStaleError, match=changed):
        find_built(checkout)


def test_what_python_caches_beside_the_code_is_no_change(checkout):
    write(checkout / "core" / "slm_core" / "__pycache__" / "clock.cpython-311.pyc", BUILT + 1)
    assert find_built(checkout)
