"""What every test stands on: no account, no network beyond loopback, none of the developer's own settings or caches."""

import gc
import ipaddress
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

OTHERS_SETTINGS = ("AWS_", "HF_", "FINE_TUNE_SLM_", "POWERTOOLS_", "SSM_")


def pytest_configure(config: pytest.Config) -> None:
    """Replace the environment before anything reads it; the processes that tests start inherit it."""
    if config.getoption("markexpr") == "aws":
        return
    for name in [name for name in os.environ if name.startswith(OTHERS_SETTINGS)]:
        del os.environ[name]
    home = tempfile.TemporaryDirectory(prefix="fine-tune-slm-tests-")
    config.add_cleanup(home.cleanup)
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(Path(home.name, "no-aws-config")),
        "AWS_SHARED_CREDENTIALS_FILE": str(Path(home.name, "no-aws-credentials")),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HF_HOME": str(Path(home.name, "hub")),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # beside a busy neighbour, spinning OpenMP threads make small models many times slower than sleeping ones
        "GOMP_SPINCOUNT": "0",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was imported: it is far more than what the tests make."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def is_loopback(host: str) -> bool:
    """Return whether an address of connect() stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True, scope="session")
def _loopback_only(pytestconfig: pytest.Config) -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not is_loopback(address[0]):
            raise PermissionError(f"A test wanted to connect to {address[0]}: tests stay on loopback")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        if pytestconfig.getoption("markexpr") != "aws":
            patch.setattr(socket.socket, "connect", guarded)
        yield
