"""Writes every shell script that template.yaml carries into a file of its own, for shellcheck.

    python -m scripts.checks.template_scripts DIRECTORY

A script is the user data of an instance or launch template, the `runCommand` of a Command document, or a here-document
in either that begins as a shell script does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fine_tune_slm.localcloud.deploy.translation import read_template

ROOT = Path(__file__).parents[2]
# a quoted delimiter: nothing in the text is expanded, so the text is what runs
_HERE_DOCUMENT = re.compile(r"<<'(?P<mark>\w+)'\n(?P<body>.*?\n)(?P=mark)$", re.DOTALL | re.MULTILINE)
_SHEBANG = re.compile(r"#!/bin/(ba)?sh\b|#!/usr/bin/env (ba)?sh\b")
_SUBSTITUTION = re.compile(r"\$\{(?!!)([\w.:]+)\}")


def template_scripts(template: dict[str, Any]) -> dict[str, str]:
    """Return the text of every shell script of a template, by a file name that says where it comes from.

    Raises: ValueError when a script is built of something else than text, Fn::Sub, Fn::Base64 and Fn::Join.
    """
    scripts = {}
    for name, text in _outer_scripts(template):
        scripts[f"{name}.sh"] = text
        inner = (match["body"] for match in _HERE_DOCUMENT.finditer(text))
        for number, body in enumerate((one for one in inner if _SHEBANG.match(one)), start=1):
            scripts[f"{name}-here-document-{number}.sh"] = body
    return scripts


def _outer_scripts(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, resource in template["Resources"].items():
        for number, value in enumerate(_values_of(resource, "UserData")):
            yield f"{name}-user-data{number or ''}", _text(value)
        for number, lines in enumerate(_values_of(resource, "runCommand")):
            # the agent runs the lines with sh
            yield f"{name}-run-command{number or ''}", "\n".join(["#!/bin/sh", *map(_text, lines), ""])


def _values_of(node: Any, key: str) -> Iterator[Any]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        if name == key:
            yield child
        else:
            yield from _values_of(child, key)


def _text(value: Any) -> str:
    """Return the text that CloudFormation would make of a value, with a word in the place of each reference."""
    match value:
        case str():
            return value
        case {"Fn::Base64": inner}:
            return _text(inner)
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]}:
            return _SUBSTITUTION.sub(lambda found: re.sub(r"\W+", "-", found[1]), text).replace("${!", "${")
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(map(_text, parts))
        case {"Ref": str(name)}:
            return name
    raise ValueError(f"a script of the template is made by {next(iter(value))}, which this does not read")


def main() -> None:
    """Write the scripts into the directory that is named."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for earlier in directory.glob("*.sh"):
        earlier.unlink()
    for name, text in template_scripts(read_template(ROOT / "template.yaml")).items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
