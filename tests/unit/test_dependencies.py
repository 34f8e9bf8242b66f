"""Holds that pyproject.toml, poetry.lock, constraints.txt and docs/dependencies.md tell the same story."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock_dependencies import constraints_from_lock, with_index, without_index

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_the_constraints_are_those_of_the_lock() -> None:
    lock = (ROOT / "poetry.lock").read_text(encoding="utf-8")

    assert (ROOT / "constraints.txt").read_text(encoding="utf-8") == constraints_from_lock(lock)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_every_requirement_is_met_by_its_constraint(requirement: Requirement) -> None:
    assert requirement.specifier.contains(constraints()[canonicalize_name(requirement.name)])


def test_the_lock_knows_the_extras_of_the_project() -> None:
    locked = tomllib.loads((ROOT / "poetry.lock").read_text(encoding="utf-8"))["extras"]

    wanted = {
        extra: sorted(canonicalize_name(Requirement(line).name) for line in lines) for extra, lines in EXTRAS.items()
    }
    assert {extra: sorted(names) for extra, names in locked.items()} == wanted


def test_the_lock_names_no_index() -> None:
    lock = (ROOT / "poetry.lock").read_text(encoding="utf-8")

    # a description is the package's own words
    assert not [line for line in lock.splitlines() if "://" in line and not line.startswith("description = ")]
    assert "[package.source]" not in lock


def test_every_dependency_has_a_line_that_says_why() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([\w.-]+)` \|", page, flags=re.MULTILINE))

    assert explained == {canonicalize_name(requirement.name) for requirement in REQUIREMENTS}


def test_a_lock_with_two_versions_of_a_package_is_refused() -> None:
    lock = '[[package]]\nname = "numpy"\nversion = "1.0"\n[[package]]\nname = "numpy"\nversion = "2.0"\n'

    with pytest.raises(ValueError, match=r"numpy 1\.0 and 2\.0"):
        constraints_from_lock(lock)


def test_a_lock_made_from_a_mirror_keeps_no_word_of_it() -> None:
    package = '[[package]]\nname = "six"\n\n[package.extras]\nall = []\n'
    source = '\n[package.source]\ntype = "legacy"\nurl = "https://mirror.test/simple"\nreference = "mirror"\n'

    assert without_index(f"{package}{source}\n{package}") == f"{package}\n{package}"


def test_a_mirror_is_the_only_index_that_a_lock_asks() -> None:
    source = tomllib.loads(with_index('[project]\nname = "x"\n', "https://mirror.test/simple"))["tool"]["poetry"][
        "source"
    ]

    assert source == [{"name": "mirror", "url": "https://mirror.test/simple", "priority": "primary"}]
