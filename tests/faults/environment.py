"""Makes sure that nothing in a campaign can reach a real account."""

from __future__ import annotations

import os

_OTHERS_SETTINGS = ("AWS_", "HF_", "FINE_TUNE_SLM_", "POWERTOOLS_")


def without_the_users_settings() -> None:
    """Replace the settings of whoever runs the campaign by invented ones."""
    for name in [name for name in os.environ if name.startswith(_OTHERS_SETTINGS)]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
