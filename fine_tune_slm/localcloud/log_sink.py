"""Where a process' output goes: a file under the run's directory and a stream in the emulated CloudWatch Logs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_FLUSH_INTERVAL_SECONDS = 0.25
# PutLogEvents takes 1,048,576 bytes, 26 bytes of them for each event; a single event may have 262,118.
_MAX_BATCH_EVENTS = 500
_MAX_EVENT_CHARACTERS = 60_000


@dataclass(frozen=True)
class LogStream:
    """A log group and a stream in it."""

    group: str
    name: str


class LogSink:
    """Takes lines; they are in the file at once, and in CloudWatch Logs a moment later or after `flush`.

    Without a stream they go to the file alone. The client's role must be allowed to write them.
    """

    def __init__(self, logs_client: Any, stream: LogStream | None, file: Path) -> None:
        self._client = logs_client
        self._stream = stream
        self._pending: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._is_stream_ready = False
        self._closed = threading.Event()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a", encoding="utf-8")
        self._flusher = threading.Thread(target=self._flush_regularly, name="log sink", daemon=True)
        self._flusher.start()

    def write(self, lines: Iterable[str]) -> None:
        """Take lines, each without its line end."""
        with self._lock:
            if self._file.closed:  # the last words of a process that was killed while this closed
                return
            for line in lines:
                self._file.write(line + "\n")
                event = {"timestamp": int(time.time() * 1000), "message": line[:_MAX_EVENT_CHARACTERS] or " "}
                if self._stream:
                    self._pending.append(event)
            self._file.flush()

    def flush(self) -> None:
        """Return when all lines taken so far are in CloudWatch Logs, or when it cannot be reached any more."""
        with self._sending:
            while batch := self._next_batch():
                try:
                    self._send(batch)
                except (BotoCoreError, ClientError) as error:
                    with self._lock:
                        self._file.write(f"[not in CloudWatch Logs: {error}]\n")

    def close(self) -> None:
        """Send what is left and close the file."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._flusher.join(timeout=5)
        self.flush()
        with self._lock:
            self._file.close()

    def _next_batch(self) -> list[dict[str, Any]]:
        with self._lock:
            batch, self._pending = self._pending[:_MAX_BATCH_EVENTS], self._pending[_MAX_BATCH_EVENTS:]
            return batch

    def _send(self, batch: list[dict[str, Any]]) -> None:
        if self._stream is None:
            return
        names = {"logGroupName": self._stream.group, "logStreamName": self._stream.name}
        if not self._is_stream_ready:
            self._make_ready(names)
        self._client.put_log_events(**names, logEvents=batch)

    def _make_ready(self, names: dict[str, str]) -> None:
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
            try:
                self._client.create_log_stream(**names)
            except self._client.exceptions.ResourceNotFoundException:
                self._client.create_log_group(logGroupName=names["logGroupName"])
                self._client.create_log_stream(**names)
        self._is_stream_ready = True

    def _flush_regularly(self) -> None:
        while not self._closed.wait(_FLUSH_INTERVAL_SECONDS):
            self.flush()
