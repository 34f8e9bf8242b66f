"""The host's `aws`: S3 copies between a file or a pipe and a bucket, single puts, and ECR's password, through boto3."""

from __future__ import annotations

import hashlib
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from fine_tune_slm.localcloud.errors import ShimUsageError
from fine_tune_slm.localcloud.host.docker_arguments import Options, parse_options

_SWITCHES = {"--only-show-errors", "--quiet", "--no-progress"}
_VALUED = {"--region", "--checksum-algorithm", "--content-type", "--output", "--query", "--expected-size", "--sse"}
_PUT_VALUED = {*_VALUED, "--bucket", "--key", "--body", "--if-none-match", "--checksum-sha256"}


def copy(words: Sequence[str]) -> int:
    """Copy one object or one file; `-` is the standard input or output."""
    options = _options(words, _SWITCHES, _VALUED)
    if len(options.rest) != 2:
        raise ShimUsageError("aws s3 cp needs a source and a destination")
    source, destination = options.rest
    client = boto3.client("s3", region_name=options.last("--region") or None)
    if source.startswith("s3://"):
        _write(destination, _name(source), client.get_object(**_location(source))["Body"].read())
    else:
        body = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        target = destination + (_name(source) if destination.endswith("/") else "")
        client.put_object(**_location(target), Body=body, **_checksum(options, body))
    return 0


def put_object(words: Sequence[str]) -> int:
    """Put one object, with the checksum and the condition asked for."""
    options = _options(words, _SWITCHES, _PUT_VALUED)
    body = Path(options.last("--body")).read_bytes() if options.last("--body") else b""
    request: dict[str, Any] = {"Bucket": options.last("--bucket"), "Key": options.last("--key"), "Body": body}
    if options.last("--if-none-match"):
        request["IfNoneMatch"] = options.last("--if-none-match")
    if options.last("--checksum-sha256"):
        request["ChecksumSHA256"] = options.last("--checksum-sha256")
    boto3.client("s3").put_object(**request, **_checksum(options, body))
    return 0


def login_password(words: Sequence[str]) -> int:
    """Print a registry password."""
    options = _options(words, set(), {"--region"})
    client = boto3.client("ecr", region_name=options.last("--region") or None)
    token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    print(b64decode(token).decode().partition(":")[2])
    return 0


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "s3 cp": copy,
    "s3api put-object": put_object,
    "ecr get-login-password": login_password,
}


def main(words: Sequence[str]) -> int:
    """Return the exit code of an aws command line, with aws's own codes for failures."""
    command = _COMMANDS.get(" ".join(words[:2]))
    try:
        if command is None:
            raise ShimUsageError(f"The emulated host does not know aws {' '.join(words[:2])}")
        return command(words[2:])
    except ShimUsageError as error:
        print(f"aws: {error.message}", file=sys.stderr)
        return 252
    except (ClientError, BotoCoreError, OSError) as error:
        print(f"fatal error: {error}", file=sys.stderr)
        return 1


def _options(words: Sequence[str], switches: set[str], valued: set[str]) -> Options:
    """Return options from anywhere among the words: aws, unlike docker, lets them follow the paths."""
    found, values, rest, left = set[str](), dict[str, list[str]](), list[str](), list(words)
    while left:
        if left[0] == "-" or not left[0].startswith("-"):
            rest.append(left.pop(0))
            continue
        options = parse_options(left, switches, valued)
        found |= options.switches
        for name, given in options.values.items():
            values.setdefault(name, []).extend(given)
        left = options.rest
    return Options(found, values, rest)


def _checksum(options: Options, body: bytes) -> dict[str, str]:
    if options.last("--checksum-algorithm").upper() != "SHA256":
        return {}
    return {"ChecksumSHA256": b64encode(hashlib.sha256(body).digest()).decode()}


def _location(uri: str) -> dict[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not key:
        raise ShimUsageError("aws s3 cp needs one side of the form s3://BUCKET/KEY")
    return {"Bucket": bucket, "Key": key}


def _name(source: str) -> str:
    return source.rsplit("/", 1)[-1]


def _write(destination: str, name: str, content: bytes) -> None:
    if destination == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    path = Path(destination)
    target = path / name if path.is_dir() or destination.endswith("/") else path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
