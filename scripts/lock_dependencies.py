"""Keeps in step with pyproject.toml what is locked: poetry.lock, constraints.txt for pip, hashes for the image.

`constraints` needs `packaging` alone; `lock` needs Poetry in the interpreter that runs it, as `make lock` has.
Why pip installs from a constraints file at all: docs/decisions/0008-constraints-from-poetry-lock.md
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from scripts.image_requirements import image_requirements

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# Made from poetry.lock by `make lock`: do not edit.\n"
SOURCE_TABLE = re.compile(r"\n\[package\.source\]\n(?:.+\n)+")


def constraints_from_lock(lock_text: str) -> str:
    """Return constraints.txt for a poetry.lock: one exact version a package, without hashes.

    Raises: ValueError when the lock holds two versions of a package, which one constraint cannot express.
    """
    versions: dict[str, str] = {}
    for package in tomllib.loads(lock_text)["package"]:
        name, version = package["name"], package["version"]
        if versions.setdefault(name, version) != version:
            raise ValueError(f"poetry.lock holds {name} {versions[name]} and {version}; narrow it in pyproject.toml")
    return HEADER + "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def without_index(lock_text: str) -> str:
    """Return the lock with no word of the index it was made from: it holds for every mirror of PyPI."""
    return SOURCE_TABLE.sub("", lock_text)


def with_index(project_text: str, index_url: str) -> str:
    """Return pyproject.toml with a simple index in place of PyPI's JSON interface, which mirrors often lack."""
    return f'{project_text}\n[[tool.poetry.source]]\nname = "mirror"\nurl = "{index_url}"\npriority = "primary"\n'


def lock(root: Path, index_url: str | None) -> None:
    """Bring poetry.lock up to date with pyproject.toml, keeping every version that still fits."""
    with tempfile.TemporaryDirectory() as scratch:
        project, lock_file = Path(scratch, "pyproject.toml"), Path(scratch, "poetry.lock")
        project_text = (root / "pyproject.toml").read_text(encoding="utf-8")
        project.write_text(with_index(project_text, index_url) if index_url else project_text, encoding="utf-8")
        if (root / "poetry.lock").exists():
            shutil.copy(root / "poetry.lock", lock_file)
        environment = os.environ | {"POETRY_VIRTUALENVS_CREATE": "false"}
        subprocess.run([sys.executable, "-m", "poetry", "lock", "--directory", scratch], check=True, env=environment)
        locked = without_index(lock_file.read_text(encoding="utf-8"))
    (root / "poetry.lock").write_text(with_content_hash(locked, root), encoding="utf-8")


def with_content_hash(lock_text: str, root: Path) -> str:
    """Return the lock with the digest by which Poetry recognises this pyproject.toml."""
    from poetry.core.pyproject.toml import PyProjectTOML  # noqa: PLC0415 - only `lock` has Poetry
    from poetry.packages.locker import Locker  # noqa: PLC0415

    content_hash = Locker(root / "poetry.lock", PyProjectTOML(root / "pyproject.toml").data)._get_content_hash()
    return re.sub(r'content-hash = "\w+"', f'content-hash = "{content_hash}"', lock_text)


def constraints(root: Path, *, check: bool) -> int:
    """Write what is made from poetry.lock, or with `check` only say whether it agrees; return the exit code."""
    made = _made_from_lock(root)
    stale = [path for path, content in made if not path.is_file() or path.read_text(encoding="utf-8") != content]
    if check and stale:
        names = ", ".join(path.relative_to(root).as_posix() for path in stale)
        sys.stderr.write(f"{names} not in step with poetry.lock: run `make lock` and commit all\n")
        return 1
    for path, content in made if not check else ():
        path.write_text(content, encoding="utf-8")
    return 0


def _made_from_lock(root: Path) -> list[tuple[Path, str]]:
    lock_text = (root / "poetry.lock").read_text(encoding="utf-8")
    lines = (root / "training" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    return [
        (root / "constraints.txt", constraints_from_lock(lock_text)),
        (root / "training" / "requirements.lock", image_requirements(lock_text, wanted)),
    ]


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    lock_parser = commands.add_parser("lock", help="update poetry.lock and constraints.txt from pyproject.toml")
    lock_parser.add_argument("--index", metavar="URL", help="a simple package index to resolve from, never recorded")
    constraints_parser = commands.add_parser("constraints", help="write the files made from poetry.lock")
    constraints_parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when one is stale")
    arguments = parser.parse_args()
    if arguments.command == "lock":
        lock(ROOT, arguments.index)
    return constraints(ROOT, check=getattr(arguments, "check", False))


if __name__ == "__main__":
    sys.exit(main())
