"""Writes training/requirements.lock: what the training image installs, each wheel by its SHA-256, out of poetry.lock.

Why the image has a file of its own beside constraints.txt: docs/decisions/0020-the-image-installs-by-hash.md
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

HEADER = (
    "# Made from poetry.lock by `make lock`: do not edit. Wheels for CPython 3.11, Linux, x86_64; torch with CUDA.\n"
)
PYTHON = (3, 11)
ENVIRONMENT = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.14",
    "python_version": "3.11",
    "sys_platform": "linux",
}
# Debian 12, the oldest base image that is meant, has glibc 2.36
PLATFORMS = [*(f"manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)), "manylinux2014_x86_64",
             "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]  # fmt: skip
Package = dict[str, Any]


def image_requirements(lock_text: str, wanted: Iterable[str]) -> str:
    """Return a requirements file with the wanted packages and all that they need, by version and SHA-256.

    Raises: ValueError when a package has no wheel for the image: it would have to be built there.
    """
    packages = {package["name"]: package for package in tomllib.loads(lock_text)["package"]}
    tags = {*cpython_tags(PYTHON, platforms=PLATFORMS), *compatible_tags(PYTHON, "cp311", PLATFORMS)}
    return HEADER + "".join(_entry(packages[name], tags) for name in sorted(_closure(packages, wanted)))


def _closure(packages: dict[str, Package], wanted: Iterable[str]) -> set[str]:
    todo = [(canonicalize_name(one.name), frozenset(one.extras)) for one in map(Requirement, wanted)]
    seen = set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) not in seen:
            seen.add((name, extras))
            todo += _needs(packages[name], extras)
    return {name for name, _ in seen}


def _needs(package: Package, extras: Iterable[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for name, declared in package.get("dependencies", {}).items():
        for one in declared if isinstance(declared, list) else [declared]:
            need = {"version": one} if isinstance(one, str) else one
            marker = Marker(need["markers"]) if "markers" in need else None
            if marker is None or any(marker.evaluate(ENVIRONMENT | {"extra": extra}) for extra in ("", *extras)):
                yield canonicalize_name(name), frozenset(need.get("extras", ()))


def _entry(package: Package, tags: set[Tag]) -> str:
    wheels = [one for one in package["files"] if one["file"].endswith(".whl")]
    hashes = [one["hash"] for one in wheels if parse_wheel_filename(one["file"])[3] & tags]
    if not hashes:
        raise ValueError(f"{package['name']} {package['version']} has no wheel for the image")
    return " \\\n".join([f"{package['name']}=={package['version']}", *(f"    --hash={one}" for one in hashes)]) + "\n"
