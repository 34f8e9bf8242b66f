"""The emulated account, for these tests."""

from tests.unit.emulated_account import _emulated_aws, account

__all__ = ["_emulated_aws", "account"]
