"""docs/measured/permissions.md from permissions.json, which stands beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from scripts.permissions.evidence import Row
from scripts.tables import table

_INTRODUCTION = """\
# What each role may do, and what needs it

Made by `make permissions`: five scenarios on one stage of the emulated AWS, IAM enforced from the template's policies
([decision 0021](../decisions/0021-iam-is-judged-before-the-emulated-aws.md)), and every statement held against what was
used ([decision 0022](../decisions/0022-permissions-are-proven-by-use.md)). Resources are spelled as in the template.
Not in the tables, because no scenario can put them to use:
"""


def page(rows: Sequence[Row], elsewhere: Mapping[str, str]) -> str:
    """Return the page: what is not in it, a summary, a table for each role, and what nothing can use, with reasons."""
    roles = list(dict.fromkeys(row.role for row in rows))
    used = [row for row in rows if row.scenarios]
    letters = dict(zip(_scenarios(rows), "abcdefgh", strict=False))
    lines = [
        *_INTRODUCTION.splitlines(),
        "",
        *(f"* {resource}: {reason}" for resource, reason in elsewhere.items()),
        "",
        f"{len(roles)} roles, {len(rows)} grants of an action on a resource: {len(used)} used, {len(rows) - len(used)}"
        " with a reason why they cannot be.",
        "",
        *(f"* **{letter}** {name}" for name, letter in letters.items()),
    ]
    for role in roles:
        lines += ["", f"## {role}", "", *_table([row for row in rows if row.role == role], letters)]
    return "\n".join(lines) + "\n"


def _scenarios(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.scenarios))


def _table(rows: Sequence[Row], letters: dict[str, str]) -> list[str]:
    head = ("statement", "action", "resource", "used by")
    return table(head, [(row.statement, row.action, f"`{row.resource}`", _use(row, letters)) for row in rows])


def _use(row: Row, letters: dict[str, str]) -> str:
    return " ".join(sorted(letters[name] for name in row.scenarios)) or f"not used: {row.reason}"
