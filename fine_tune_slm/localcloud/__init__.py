"""The emulated AWS in one process: the default way to run the project without an account.

moto answers the API calls; what moto only pretends to do (Lambda, Run Command, instance starts, checksums, limits)
really happens here. Every patch to moto's private names is a Seam under `seams/`, checked at start and undone at close.

The public names are loaded on first use: the host's `docker` and `aws` programs import their own modules from this
package, and must not pay for importing moto each time they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fine_tune_slm.localcloud.cloud import LocalCloud
    from fine_tune_slm.localcloud.settings import InstanceTimings, LocalCloudSettings

__all__ = ["InstanceTimings", "LocalCloud", "LocalCloudSettings"]


def __getattr__(name: str) -> Any:
    if name == "LocalCloud":
        from fine_tune_slm.localcloud.cloud import LocalCloud  # noqa: PLC0415

        return LocalCloud
    if name in {"InstanceTimings", "LocalCloudSettings"}:
        from fine_tune_slm.localcloud import settings  # noqa: PLC0415

        return getattr(settings, name)
    raise AttributeError(name)
