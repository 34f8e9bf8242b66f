"""Holds that pyproject.toml, poetry.lock, constraints.txt and docs/dependencies.md tell the same story."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.image_requirements import ENVIRONMENT, image_requirements
from scripts.lock_dependencies import constraints_from_lock, with_index, without_index

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]


def installed_requirements(name: str) -> list[str]:
    """Return what an installed package asks for; nothing for one that this machine does not need."""
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


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


def locked_for_the_image() -> dict[str, set[str]]:
    text = (ROOT / "training" / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^(\S+==\S+) ((?:\\\n\s+--hash=sha256:[0-9a-f]{64} ?)+)$", text, flags=re.MULTILINE)
    return {pinned: set(re.findall(r"sha256:[0-9a-f]{64}", hashes)) for pinned, hashes in entries}


def test_the_image_gets_the_versions_and_hashes_of_the_lock() -> None:
    locked = tomllib.loads((ROOT / "poetry.lock").read_text(encoding="utf-8"))["package"]
    hashes = {f"{one['name']}=={one['version']}": {file["hash"] for file in one["files"]} for one in locked}
    image = locked_for_the_image()

    assert image
    assert all(found <= hashes[pinned] for pinned, found in image.items())
    assert hashes.keys() >= image.keys()


def test_the_image_gets_everything_that_its_packages_ask_for() -> None:
    wanted = (ROOT / "training" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    lock = (ROOT / "poetry.lock").read_text(encoding="utf-8")
    names = [line for line in wanted if line and not line.startswith("#")]

    assert (ROOT / "training" / "requirements.lock").read_text("utf-8") == image_requirements(lock, names)
    present = {pinned.partition("==")[0] for pinned in locked_for_the_image()}
    for name in sorted(present):
        for requirement in map(Requirement, installed_requirements(name)):
            if requirement.marker is None or requirement.marker.evaluate(ENVIRONMENT | {"extra": ""}):
                assert canonicalize_name(requirement.name) in present, f"{name} needs {requirement.name}"
    assert {"nvidia-cublas", "triton"} <= present
    assert not {"pytest", "moto", "typer-slim", "colorama"} & present


def test_a_package_without_a_wheel_for_the_image_is_refused() -> None:
    lock = '[[package]]\nname = "six"\nversion = "1.0"\nfiles = [{file = "six-1.0.tar.gz", hash = "sha256:0"}]\n'

    with pytest.raises(ValueError, match=r"six 1\.0 has no wheel"):
        image_requirements(lock, ["six"])


def test_a_lock_made_from_a_mirror_keeps_no_word_of_it() -> None:
    package = '[[package]]\nname = "six"\n\n[package.extras]\nall = []\n'
    source = '\n[package.source]\ntype = "legacy"\nurl = "https://mirror.test/simple"\nreference = "mirror"\n'

    assert without_index(f"{package}{source}\n{package}") == f"{package}\n{package}"


def test_a_mirror_is_the_only_index_that_a_lock_asks() -> None:
    source = tomllib.loads(with_index('[project]\nname = "x"\n', "https://mirror.test/simple"))["tool"]["poetry"][
        "source"
    ]

    assert source == [{"name": "mirror", "url": "https://mirror.test/simple", "priority": "primary"}]
