"""The host's `docker`: a client of the engine that the emulated instance runs, with docker's exit codes."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from fine_tune_slm.localcloud.errors import ShimUsageError
from fine_tune_slm.localcloud.host.docker_arguments import Options, parse_options, parse_run

ENGINE_VARIABLE = "FINE_TUNE_SLM_LOCAL_ENGINE"


def call(method: str, path: str, body: str = "") -> http.client.HTTPResponse:
    """Return the engine's answer, its body not yet read.

    Raises: ShimUsageError with the engine's own words when it refuses.
    """
    endpoint = urlsplit(os.environ[ENGINE_VARIABLE])
    connection = http.client.HTTPConnection(endpoint.netloc)
    try:
        connection.request(method, path, body.encode(), {"Authorization": f"Bearer {endpoint.fragment}"})
        response = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise ShimUsageError("Cannot connect to the Docker daemon") from error
    if response.status >= http.client.BAD_REQUEST:
        raise ShimUsageError(response.read().decode())
    return response


def run(words: Sequence[str]) -> int:
    """Run a container; attached, print its output and return its exit code."""
    request = parse_run(words)
    for line in call("POST", "/containers", request.to_json()):
        event = json.loads(line)
        if "exit_code" in event:
            return int(event["exit_code"])
        print(event["line"], flush=True)
    if request.is_detached:
        return 0
    raise ShimUsageError("The Docker daemon went away while the container ran")


def pull(words: Sequence[str]) -> int:
    """Say that the image is there: locally it is the installed training package."""
    options = parse_options(words, {"-q", "--quiet"}, {"--platform"})
    print(options.rest[-1])
    return 0


def login(words: Sequence[str]) -> int:
    """Take a registry password from the standard input and let everybody in: there is no registry."""
    parse_options(words, {"--password-stdin"}, {"--username", "-u"})
    return 0 if sys.stdin.read().strip() else 1


def stop(words: Sequence[str]) -> int:
    """Stop containers."""
    options = parse_options(words, set(), {"-t", "--time", "--timeout", "-s", "--signal"})
    seconds = options.last("-t", "--time", "--timeout", default="10")
    return _for_each(options, lambda name: call("POST", f"/containers/{quote(name)}/stop?seconds={seconds}"))


def kill(words: Sequence[str]) -> int:
    """Kill containers."""
    options = parse_options(words, set(), {"-s", "--signal"})
    return _for_each(options, lambda name: call("POST", f"/containers/{quote(name)}/stop?seconds=0"))


def remove(words: Sequence[str]) -> int:
    """Remove containers; with -f running ones too, and missing ones are no error."""
    options = parse_options(words, {"-f", "--force", "-v"}, set())
    force = int(options.has("-f", "--force"))
    return _for_each(options, lambda name: call("DELETE", f"/containers/{quote(name)}?force={force}"))


def ps(words: Sequence[str]) -> int:
    """List containers: names, or ids that are the names too."""
    options = parse_options(
        words, {"-a", "--all", "-q", "--quiet", "-aq", "--no-trunc"}, {"--filter", "-f", "--format"}
    )
    filters = options.every("--filter", "-f")
    for container in json.load(call("GET", "/containers")):
        is_listed = container["is_running"] or options.has("-a", "--all", "-aq")
        if is_listed and all(_matches(container, text) for text in filters):
            print(container["name"])
    return 0


def inspect(words: Sequence[str]) -> int:
    """Print a container's state, through one of docker's own templates when one is given."""
    options = parse_options(words, set(), {"-f", "--format", "--type"})
    template = options.last("-f", "--format")
    for name in options.rest:
        text = _described(json.load(call("GET", f"/containers/{quote(name)}")))
        print(_filled(template, text) if template else json.dumps([text]))
    return 0


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "run": run,
    "pull": pull,
    "login": login,
    "stop": stop,
    "kill": kill,
    "rm": remove,
    "ps": ps,
    "inspect": inspect,
}


def main(words: Sequence[str]) -> int:
    """Return the exit code of a docker command line."""
    if words[:1] == ["container"]:
        words = words[1:]
    command = _COMMANDS.get(words[0]) if words else None
    try:
        if command is None:
            raise ShimUsageError(f"The emulated host does not know docker {' '.join(words[:1])}")
        return command(words[1:])
    except ShimUsageError as error:
        print(f"docker: {error.message}", file=sys.stderr)
        return error.exit_code if words[:1] == ["run"] else 1


def _matches(container: dict[str, Any], text: str) -> bool:
    kind, _, wanted = text.partition("=")
    if kind == "name":
        return wanted.lstrip("^/").rstrip("$") in container["name"]
    if kind == "label":
        name, equals, value = wanted.partition("=")
        return name in container["labels"] and (not equals or container["labels"][name] == value)
    raise ShimUsageError(f"The emulated host does not know the filter {kind}")


def _for_each(options: Options, act: Callable[[str], Any]) -> int:
    for name in options.rest:
        act(name).read()
        print(name)
    return 0


def _described(container: dict[str, Any]) -> dict[str, Any]:
    state = {
        "Status": "running" if container["is_running"] else "exited",
        "Running": container["is_running"],
        "ExitCode": container["exit_code"],
        "OOMKilled": container["oom_killed"],
    }
    return {
        "Name": f"/{container['name']}",
        "Config": {"Image": container["image"], "Labels": container["labels"]},
        "State": state,
    }


def _filled(template: str, described: dict[str, Any]) -> str:
    for name, value in described["State"].items():
        printed = str(value).lower() if isinstance(value, bool) else str(value)
        template = template.replace("{{.State." + name + "}}", printed).replace("{{ .State." + name + " }}", printed)
    return template


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
