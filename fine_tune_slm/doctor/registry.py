"""Every check of the doctor, in the order in which they look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fine_tune_slm.doctor.checks.account_region import look_at_region
from fine_tune_slm.doctor.checks.base_model import look_at_base_model
from fine_tune_slm.doctor.checks.credentials import look_at_credentials
from fine_tune_slm.doctor.checks.dataset_files import look_at_dataset_files
from fine_tune_slm.doctor.checks.hub_tokens import look_at_read_token, look_at_write_token
from fine_tune_slm.doctor.checks.hub_writing import look_at_hub_writing
from fine_tune_slm.doctor.checks.image import look_at_image
from fine_tune_slm.doctor.checks.local_disk import look_at_local_disk
from fine_tune_slm.doctor.checks.local_memory import look_at_local_memory
from fine_tune_slm.doctor.checks.local_model import look_at_local_model
from fine_tune_slm.doctor.checks.local_ports import look_at_local_ports
from fine_tune_slm.doctor.checks.local_python import look_at_local_python
from fine_tune_slm.doctor.checks.local_torch import look_at_local_torch
from fine_tune_slm.doctor.checks.memory_plan import look_at_memory_plan
from fine_tune_slm.doctor.checks.price_table import look_at_prices
from fine_tune_slm.doctor.checks.published_dataset import look_at_published_dataset
from fine_tune_slm.doctor.checks.quota import look_at_quota
from fine_tune_slm.doctor.checks.settings import look_at_settings
from fine_tune_slm.doctor.checks.stack_status import look_at_stack
from fine_tune_slm.doctor.checks.stop_protection import look_at_stop_protection
from fine_tune_slm.doctor.checks.sweeper import look_at_sweeper
from fine_tune_slm.doctor.checks.volume import look_at_volume
from fine_tune_slm.doctor.checks.zone import look_at_zone
from fine_tune_slm.doctor.context import Context, Occasion
from fine_tune_slm.doctor.finding import Finding


@dataclass(frozen=True)
class Check:
    """One check: its name, its function, when it is asked, and which others must not have failed."""

    name: str
    look: Callable[[Context], Finding]
    occasions: frozenset[Occasion]
    needs: frozenset[str] = field(default_factory=frozenset)


DEPLOYED = frozenset({Occasion.DEPLOYED})
BEFORE = frozenset({Occasion.BEFORE_DEPLOY})
ACCOUNT = DEPLOYED | BEFORE
LOCAL = frozenset({Occasion.LOCAL})
SIGNED = frozenset({"credentials"})
IN_STACK = SIGNED | {"stack"}

CHECKS = (
    Check("credentials", look_at_credentials, ACCOUNT),
    Check("region", look_at_region, ACCOUNT, SIGNED),
    Check("stack", look_at_stack, DEPLOYED, SIGNED),
    Check("quota", look_at_quota, ACCOUNT, SIGNED),
    Check("zone", look_at_zone, ACCOUNT, SIGNED),
    Check("prices", look_at_prices, ACCOUNT, SIGNED | {"stack"}),
    Check("memory plan", look_at_memory_plan, ACCOUNT, frozenset({"stack"})),
    Check("parameters", look_at_settings, DEPLOYED, IN_STACK),
    Check("read token", look_at_read_token, DEPLOYED, SIGNED),
    Check("write token", look_at_write_token, DEPLOYED, IN_STACK),
    Check("base model", look_at_base_model, DEPLOYED, IN_STACK | {"read token"}),
    Check("Hub writing", look_at_hub_writing, DEPLOYED, IN_STACK | {"write token"}),
    Check("image", look_at_image, DEPLOYED, SIGNED),
    Check("volume", look_at_volume, DEPLOYED, IN_STACK),
    Check("dataset", look_at_published_dataset, DEPLOYED, SIGNED),
    Check("stop protection", look_at_stop_protection, DEPLOYED, SIGNED),
    Check("sweeper", look_at_sweeper, DEPLOYED, IN_STACK),
    Check("Python", look_at_local_python, LOCAL),
    Check("torch", look_at_local_torch, LOCAL),
    Check("disk", look_at_local_disk, LOCAL),
    Check("memory", look_at_local_memory, LOCAL),
    Check("ports", look_at_local_ports, LOCAL),
    Check("dataset", look_at_dataset_files, BEFORE | LOCAL),
    Check("model", look_at_local_model, LOCAL, frozenset({"torch"})),
)
