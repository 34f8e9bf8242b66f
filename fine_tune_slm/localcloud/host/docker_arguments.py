"""The docker command line, as far as the command document uses it. Pure."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from fine_tune_slm.localcloud.errors import ShimUsageError

_SWITCHES = {"--rm", "-d", "--detach", "-i", "--interactive", "--init", "--read-only", "-t", "--tty"}
_REPEATED = {"-v", "--volume", "-e", "--env", "--log-opt", "-l", "--label"}
_VALUED = {
    *_REPEATED,
    *("--name", "--network", "--log-driver", "--gpus", "--shm-size", "--ipc", "--ulimit", "--memory", "-m", "--user"),
    *("-u", "--stop-timeout", "--pull", "--security-opt", "--cap-drop", "--tmpfs", "--pids-limit"),
}


@dataclass(frozen=True)
class RunRequest:
    """What `docker run` asks for."""

    name: str
    image: str
    arguments: tuple[str, ...]
    mounts: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    log_options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    is_detached: bool = False
    is_removed: bool = False

    def to_json(self) -> str:
        """Return the request as the engine takes it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> RunRequest:
        """Return the request that `to_json` wrote."""
        data = json.loads(text)
        return cls(**{**data, "arguments": tuple(data["arguments"])})


@dataclass(frozen=True)
class Options:
    """Options of a docker command, and what follows them."""

    switches: set[str]
    values: dict[str, list[str]]
    rest: list[str]

    def last(self, *names: str, default: str = "") -> str:
        """Return the value that counts: the last one given under any of the names."""
        given = [value for name in names for value in self.values.get(name, [])]
        return given[-1] if given else default

    def every(self, *names: str) -> list[str]:
        """Return all values given under the names."""
        return [value for name in names for value in self.values.get(name, [])]

    def has(self, *names: str) -> bool:
        """Return whether one of the switches was given."""
        return not self.switches.isdisjoint(names)


def parse_options(arguments: Sequence[str], switches: set[str], valued: set[str]) -> Options:
    """Return the options up to the first word that is none.

    Raises: ShimUsageError for an option that is not known.
    """
    found, values, words = set[str](), dict[str, list[str]](), list(arguments)
    while words and words[0].startswith("-") and words[0] != "-":
        name, equals, value = words.pop(0).partition("=")
        if name in switches and not equals:
            found.add(name)
        elif name in valued and (equals or words):
            values.setdefault(name, []).append(value if equals else words.pop(0))
        else:
            raise ShimUsageError(f"The emulated host does not know the option {name}, or it lacks a value")
    return Options(found, values, words)


def parse_run(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> RunRequest:
    """Return what the words after `docker run` ask for; `-e NAME` takes its value from `environment`.

    Raises: ShimUsageError for an unknown option or a missing image.
    """
    options = parse_options(arguments, _SWITCHES, _VALUED)
    if not options.rest:
        raise ShimUsageError("docker run names no image")
    return RunRequest(
        name=options.last("--name", default=f"container-{uuid.uuid4().hex[:12]}"),
        image=options.rest[0],
        arguments=tuple(options.rest[1:]),
        mounts=dict(_mount(text) for text in options.every("-v", "--volume")),
        environment=_environment(options.every("-e", "--env"), environment),
        log_options=_pairs(options.every("--log-opt")) if options.last("--log-driver") == "awslogs" else {},
        labels=_pairs(options.every("-l", "--label")),
        is_detached=options.has("-d", "--detach"),
        is_removed=options.has("--rm"),
    )


def mapped_path(text: str, mounts: Mapping[str, str]) -> str:
    """Return the text with a path inside the container replaced by where it lies on the host.

    `--work-dir=/checkpoints/x` is mapped like `/checkpoints/x`; `/checkpoints-old` is another path and stays.
    """
    option, equals, path = text.partition("=")
    if not (option.startswith("--") and equals):
        option, equals, path = "", "", text
    for inside, outside in mounts.items():
        if path == inside or path.startswith(f"{inside}/"):
            return f"{option}{equals}{outside}{path[len(inside) :]}"
    return text


def _mount(text: str) -> tuple[str, str]:
    outside, colon, inside = text.partition(":")
    if not colon:
        raise ShimUsageError("docker run -v needs SOURCE:DESTINATION")
    return inside.split(":")[0].rstrip("/"), outside


def _environment(texts: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if equals:
            pairs[name] = value
        elif name in environment:
            pairs[name] = environment[name]
    return pairs


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    return {name: value for name, _, value in (text.partition("=") for text in texts)}
