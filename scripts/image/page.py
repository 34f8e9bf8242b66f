"""Writes docs/measured/image.md from what a build and a run of the image showed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.tables import table


def page(figures: Mapping[str, Any]) -> str:
    """Return the page."""
    inside = figures["inside"]
    rows = [
        ("base", figures["base"]),
        ("build", f"{figures['build_seconds']} s, with what it downloads"),
        ("size", f"{figures['size_bytes'] / 1e9:.2f} GB, with torch's CPU build; CUDA's libraries come on top"),
        ("Python, torch", f"{inside['python']}, {inside['torch']}"),
        ("packages, each by its SHA-256", str(inside["packages"])),
        ("user", str(inside["user"])),
        ("compilers", ", ".join(inside["compilers"]) or "none"),
        ("pip in the environment", "yes" if inside["pip_in_environment"] else "no"),
    ]
    lines = [
        "# The image, built and run",
        "",
        f"Made by `make image` on {figures['made_on']}: `training/Dockerfile`, as it is, with buildah in a chroot, then"
        " podman and runc. The base is Debian's own Python in the place of `python:3.11-slim`, and torch is the CPU"
        " build: no registry of images and no GPU are at hand there.",
        "",
        *table(("what", "found inside"), rows),
        "",
        "## The build's steps",
        "",
        *_fenced(figures["steps"]),
        "",
        "## `podman run IMAGE --help`",
        "",
        *_fenced(figures["help"]),
    ]
    return "\n".join(lines) + "\n"


def _fenced(lines: list[str]) -> list[str]:
    return ["```text", *(line.rstrip() for line in lines), "```"]
