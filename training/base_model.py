"""The base model on the volume: downloaded once from the Hub at a pinned revision, sealed, verified at every start."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NoReturn

import httpx2
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    FileMetadataError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RevisionResolutionError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import tqdm as hub_tqdm
from loguru import logger
from slm_core.errors import BaseModelCorruptError, BaseModelMissingError, HubUnavailableError
from slm_core.layout import VolumePaths
from slm_core.records import BaseModelRef, RunSpec

from training.durable import damaged_files, rename_durably, seal, sealed_hashes
from training.heartbeat import Heartbeat
from training.host import read_secret

# what transformers needs; Llama's repository holds the same weights once more in a directory of another format
NEEDED_FILES = (
    "config.json",
    "generation_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "*.jinja",
    "special_tokens_map.json",
)
REFUSALS = {401, 403, 404}
UNREACHABLE = (
    httpx2.TransportError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RevisionResolutionError,
    FileMetadataError,
)


def fetch_base_model(spec: RunSpec, volume: VolumePaths, heartbeat: Heartbeat) -> tuple[Path, dict[str, str]]:
    """Return the model's directory on the volume and the SHA-256 of its files; a damaged one is downloaded again, once.

    Raises: BaseModelMissingError, BaseModelCorruptError, HubUnavailableError, HubTokenMissingError.
    """
    target = volume.model(spec.base_model.repo_id, spec.base_model.revision)
    hashes = sealed_hashes(target)
    if hashes is None:
        return target, _download(spec, target, heartbeat)
    if damaged := damaged_files(target, hashes):
        logger.warning("the cached {} is damaged ({}) and is removed", spec.base_model.repo_id, ", ".join(damaged))
        # before the download: the volume may have no room for two
        shutil.rmtree(target)
        return target, _download(spec, target, heartbeat)
    logger.info("base model {} is in the cache", spec.base_model.repo_id)
    return target, hashes


def _download(spec: RunSpec, target: Path, heartbeat: Heartbeat) -> dict[str, str]:
    logger.info("downloading {} from the Hub", spec.base_model.repo_id)
    # kept between launches: the Hub's client continues a broken download
    workshop = target.with_name(f".{target.name}.partial")
    api = HfApi(endpoint=spec.hub.endpoint, token=read_secret(spec.hub.read_token_secret_id))
    try:
        expected = _expected_files(api, spec.base_model)
        snapshot_download(
            spec.base_model.repo_id, revision=spec.base_model.revision, endpoint=api.endpoint, token=api.token,
            local_dir=workshop, allow_patterns=sorted(expected), tqdm_class=_beating(heartbeat),
        )  # fmt: skip
    except HfHubHTTPError as error:
        _raise_for(error, spec.base_model)
    except UNREACHABLE as error:
        raise HubUnavailableError(f"The Hub could not be reached ({type(error).__name__})") from error
    _drop_unexpected(workshop, expected)
    hashes = seal(workshop)
    _check_against_hub(workshop, expected, hashes)
    rename_durably(workshop, target)
    return hashes


def _expected_files(api: HfApi, model: BaseModelRef) -> dict[str, RepoFile]:
    tree = api.list_repo_tree(model.repo_id, revision=model.revision, recursive=True)
    files = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    wanted = {path: file for path, file in files.items() if _is_needed(path)}
    if "config.json" not in wanted or not any(path.endswith(".safetensors") for path in wanted):
        raise BaseModelMissingError(f"{model.repo_id} at {model.revision[:12]} holds no safetensors model")
    return wanted


def _is_needed(path: str) -> bool:
    return "/" not in path and any(fnmatch(path, pattern) for pattern in NEEDED_FILES)


def _check_against_hub(directory: Path, expected: dict[str, RepoFile], hashes: dict[str, str]) -> None:
    """Hold the downloaded files against the Hub's listing: after a lost connection its client may return a part."""
    for path, file in expected.items():
        local = directory / path
        if path not in hashes or local.stat().st_size != file.size:
            raise HubUnavailableError(f"The download of {path} is not complete")
        if file.lfs is not None and file.lfs.sha256 != hashes[path]:
            local.unlink()
            raise BaseModelCorruptError(f"{path} does not have the SHA-256 that the Hub lists")


def _drop_unexpected(directory: Path, expected: dict[str, RepoFile]) -> None:
    # the client's bookkeeping (.cache) must not be sealed as a part of the model
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        elif path.relative_to(directory).as_posix() not in expected:
            path.unlink()


def _raise_for(error: HfHubHTTPError, model: BaseModelRef) -> NoReturn:
    status = error.response.status_code if error.response is not None else 0
    if status in REFUSALS:
        raise BaseModelMissingError(
            f"The Hub refused {model.repo_id} at revision {model.revision[:12]} (HTTP {status})"
        ) from error
    raise HubUnavailableError(f"The Hub answered with HTTP {status}") from error


def _beating(heartbeat: Heartbeat) -> type[hub_tqdm]:
    """Return a progress bar class that shows nothing and beats the heart for every piece that arrives."""

    class Beating(hub_tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs | {"disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            heartbeat.beat()
            return super().update(n)

    return Beating
