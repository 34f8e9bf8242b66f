"""The emulated account, for these tests."""

from tests.unit.emulated_account import _instance_id, account

__all__ = ["_instance_id", "account"]
