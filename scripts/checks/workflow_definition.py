"""Writes the workflow with an ARN in every placeholder, as SAM deploys it: the validators want a Resource to be one.

python -m scripts.checks.workflow_definition FILE
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

WORKFLOW = Path(__file__).parents[2] / "statemachine" / "fine_tune.asl.json"
_PLACEHOLDER = re.compile(r"\$\{(\w+)Arn\}")
# the account number is AWS's own for examples
_FUNCTION_ARN = r"arn:aws:lambda:us-east-1:123456789012:function:\1:1"


def deployed_definition(text: str) -> str:
    """Return the definition with a published version's ARN for each placeholder."""
    return _PLACEHOLDER.sub(_FUNCTION_ARN, text)


def main() -> None:
    """Write the definition into the file that is named."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(deployed_definition(WORKFLOW.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
