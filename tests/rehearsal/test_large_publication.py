"""An adapter of 170 MB: within the function's memory and disk, and main is old or new however the process ends."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
import pytest
from slm_core.layout import RunKeys

from fine_tune_slm.localcloud.deploy.translation import read_template
from fine_tune_slm.localcloud.hub.server import LocalHub
from fine_tune_slm.localcloud.server import CALLER_CREDENTIALS, moto_server

PUBLISH = Path(__file__).with_name("large_publication.py")
ROOT = Path(__file__).resolve().parents[2]
REPO, BUCKET = "local/adapter", "a-bucket"
ADAPTER_BYTES = 170_000_000
MIB = 1 << 20
CARD = b"---\nlicense: apache-2.0\n---\n# An adapter\n"


class Releases:
    """A bucket with archives, a Hub, and processes that publish the one to the other."""

    def __init__(self, endpoint_url: str, hub: LocalHub, directory: Path) -> None:
        self.hub, self.directory = hub, directory
        self._environment = {
            **os.environ,
            **CALLER_CREDENTIALS,
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "HF_TOKEN": hub.create_token("write"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HOME": str(directory / "hf"),
            "TMPDIR": str(directory),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "core"), str(ROOT)]),
        }
        self._s3 = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        self._s3.create_bucket(Bucket=BUCKET)

    def archive(self, run_id: str, adapter: Path) -> dict[str, str]:
        """Put an archive and return its files' SHA-256, the manifest's among them."""
        keys, entries = RunKeys(run_id), []
        card = self.directory / "README.md"
        card.write_bytes(CARD + run_id.encode())
        for path, file in (("README.md", card), ("adapter_model.safetensors", adapter)):
            with file.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
                stream.seek(0)
                self._s3.put_object(Bucket=BUCKET, Key=f"{keys.archive}{path}", Body=stream)
            entries.append({"path": path, "size_bytes": file.stat().st_size, "sha256": sha256})
        card.unlink()
        provenance = {"git_commit": "unknown", "config_sha256": "0" * 64, "dataset_sha256": "0" * 64, "image": "image"}
        provenance |= {"base_model": {"repo_id": "a/model", "revision": "c" * 40}, "base_model_files": {}, "seed": 1}
        manifest = {"run_id": run_id, "created_at": "2026-11-22T12:00:00Z", "files": entries}
        content = json.dumps(manifest | {"provenance": provenance | {"versions": {}}}).encode()
        self._s3.put_object(Bucket=BUCKET, Key=keys.archive_manifest, Body=content)
        return {entry["path"]: entry["sha256"] for entry in entries} | {
            "manifest.json": hashlib.sha256(content).hexdigest()
        }

    def start(self, run_id: str) -> subprocess.Popen[str]:
        """Start to publish."""
        command = [sys.executable, str(PUBLISH), BUCKET, run_id, self.hub.endpoint]
        return subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def publish(self, run_id: str) -> dict[str, int]:
        """Return the revision and the peak memory of a publication, and the most that it had on the disk."""
        process, sizes = self.start(run_id), [0]
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.02):
                sizes.append(_size(self.directory))

        watcher = threading.Thread(target=watch)
        watcher.start()
        answer, complaint = process.communicate(timeout=120)
        done.set()
        watcher.join()
        assert process.returncode == 0, complaint
        return json.loads(answer) | {"peak_disk_bytes": max(sizes)}

    def main(self) -> dict[str, str]:
        """Return the SHA-256 of main's files."""
        files = self.hub.store.resolve(REPO, "main").files
        return {path: file.sha256 for path, file in files.items() if path != ".gitattributes"}

    def received_bytes(self) -> int:
        """Return how much of an upload that has not ended the Hub has on its disk."""
        blobs = self.directory.with_name("hub") / "blobs"
        return max((_bytes_of(file) for file in blobs.iterdir() if len(file.name) != 64), default=0)


def _size(directory: Path) -> int:
    return sum(_bytes_of(path) for path in directory.rglob("*"))


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


@pytest.fixture(scope="module")
def adapters(tmp_path_factory) -> tuple[Path, Path]:
    """Two files of random bytes of an adapter's size."""
    directory = tmp_path_factory.mktemp("adapters")
    files = directory / "first", directory / "second"
    for file in files:
        with file.open("wb") as stream:
            for _ in range(ADAPTER_BYTES // 1_000_000):
                stream.write(os.urandom(1_000_000))
    return files


@pytest.fixture
def releases(tmp_path):
    """An empty bucket and an empty Hub."""
    disk = tmp_path / "tmp"
    disk.mkdir()
    with (
        moto_server(tmp_path / "aws.log") as endpoint_url,
        contextlib.closing(LocalHub(tmp_path / "hub")) as hub,
    ):
        yield Releases(endpoint_url, hub, disk)
    shutil.rmtree(tmp_path)


def _publish_function() -> dict[str, object]:
    return read_template(ROOT / "template.yaml")["Resources"]["PublishModelFunction"]["Properties"]


def test_it_fits_into_the_functions_memory_and_disk_and_arrives_whole(releases, adapters):
    files = releases.archive("run-1", adapters[0])
    measured = releases.publish("run-1")
    assert releases.main() == files
    assert releases.hub.store.resolve(REPO, "run-1").oid == measured["revision"]
    # not even the adapter itself is ever in memory as a whole
    assert measured["peak_bytes"] < 150 * MIB < int(_publish_function()["MemorySize"]) * MIB
    disk = int(_publish_function()["EphemeralStorage"]["Size"]) * MIB
    # twice: a warm function may still have what a killed attempt of an earlier run left
    assert 2 * measured["peak_disk_bytes"] < disk
    assert ADAPTER_BYTES <= measured["peak_disk_bytes"] < 1.1 * ADAPTER_BYTES
    print(measured)


def test_a_kill_in_mid_upload_leaves_the_old_release_and_a_retry_completes_the_new_one(releases, adapters):
    old = releases.archive("run-1", adapters[0])
    releases.publish("run-1")
    new = releases.archive("run-2", adapters[1])
    with _killed_in_mid_upload(releases, "run-2"):
        assert releases.main() == old
    assert _size(releases.directory) > ADAPTER_BYTES  # what the killed process left behind
    measured = releases.publish("run-2")
    assert releases.main() == new
    assert measured["peak_disk_bytes"] < 1.1 * ADAPTER_BYTES
    assert releases.publish("run-2")["revision"] == measured["revision"]


@contextlib.contextmanager
def _killed_in_mid_upload(releases, run_id):
    process = releases.start(run_id)
    try:
        until = time.monotonic() + 60
        while releases.received_bytes() < 1_000_000 and time.monotonic() < until and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    finally:
        process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    yield
