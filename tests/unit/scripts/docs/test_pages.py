"""Every generated page is fresh, and says what it should."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from slm_core import errors
from slm_core.layout import RunKeys, VolumePaths, dataset_prefix, host_file_key, release_key

from fine_tune_slm import errors as desk_errors
from scripts.docs import configuration, workflow
from scripts.docs.pages import DOCS, PAGES, filled
from scripts.docs.values import accepted

STATES = workflow.load_states()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_page_is_what_the_code_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == filled(path, PAGES[path]()), f"{path.name} is stale: make docs"


def transitions() -> set[tuple[str, str]]:
    edges = set()
    for name, state in STATES.items():
        ways = [state, *state.get("Choices", []), {"Next": state.get("Default")}, *state.get("Catch", [])]
        edges |= {(name, way["Next"]) for way in ways if way.get("Next")}
    return edges


def test_the_diagram_draws_every_transition_of_the_workflow_and_no_other() -> None:
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)", workflow.diagram(STATES), flags=re.MULTILINE))
    together = {(source, target) for source, target in transitions() if (workflow.ANY_TASK, target) in drawn}

    assert {edge for edge in drawn if edge[0] != workflow.ANY_TASK} | together == transitions()
    assert {target for source, target in drawn if source == workflow.ANY_TASK} == {"StopAfterFailure"}


def test_the_overview_draws_the_states_between_start_and_publication_that_work_and_nothing_that_is_gone() -> None:
    drawn = re.findall(r"^ +(\w+) -->", workflow.overview(STATES), flags=re.MULTILINE)

    assert [drawn[0], drawn[-1]] == ["PrepareRun", "CompleteRun"]
    assert all(STATES[name]["Type"] == "Task" for name in drawn)
    assert "RecordFailure -.-> RunFailed" in workflow.overview(STATES)


def test_a_changed_workflow_makes_the_page_stale() -> None:
    changed = json.loads(json.dumps(STATES))
    changed["CompleteRun"]["Next"] = "RunFailed"

    assert workflow.diagram(changed) not in (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert workflow.diagram(STATES) in (DOCS / "architecture.md").read_text(encoding="utf-8")


def test_a_page_without_the_block_to_be_filled_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n<!-- one: make docs -->\nold\n<!-- end of one -->\nby hand\n", encoding="utf-8")

    assert filled(page, {"one": "new\n"}).endswith("-->\nnew\n<!-- end of one -->\nby hand\n")
    with pytest.raises(ValueError, match=r"page\.md has no block two"):
        filled(page, {"two": "new\n"})


def test_every_error_has_a_row_with_its_remedy() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    leaves = [
        kind for module in (errors, desk_errors) for kind in vars(module).values() if _is_leaf(kind, module.__name__)
    ]

    assert len(leaves) > len(errors.leaves())
    assert [leaf.__name__ for leaf in leaves if not _rows(page, leaf.__name__, leaf.remedy)] == []


def _is_leaf(kind: object, module: str) -> bool:
    return isinstance(kind, type) and kind.__module__ == module and issubclass(kind, Exception) and _has_no_leaf(kind)


def _has_no_leaf(kind: type) -> bool:
    return not [child for child in kind.__subclasses__() if child.__module__ == kind.__module__]


def _rows(page: str, name: str, remedy: str) -> list[str]:
    return [row for row in page.splitlines() if row.startswith(f"| `{name}` |") and row.endswith(f"| {remedy} |")]


def test_every_key_of_the_configuration_says_what_it_accepts_and_means() -> None:
    rows = [row for row in "".join(configuration.blocks().values()).splitlines() if row.startswith("| `")]
    meanings = [row.rsplit(" | ", maxsplit=1)[1].removesuffix(" |") for row in rows]

    assert "| `epochs` | `3` | `1` | number > 0 and ≤ 100 | Passes over the training records. |" in rows
    assert [row for row, meaning in zip(rows, meanings, strict=True) if not meaning.strip()] == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 2**32}, "whole number ≥ 0 and < 4,294,967,296"),
        ({"anyOf": [{"type": "string", "pattern": "^a|b$"}, {"type": "null"}]}, "text that matches `^a|b$`, or null"),
        ({"enum": ["none", "nf4"]}, "`none` or `nf4`"),
        ({"type": "array", "items": {"type": "number"}, "minItems": 1}, "list of number; at least 1"),
        ({}, "anything"),
    ],
)
def test_what_a_key_accepts_is_said_in_words(schema: dict, words: str) -> None:
    assert accepted(schema) == words


def test_every_key_of_the_bucket_and_path_of_the_volume_stands_in_the_page() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    run = RunKeys("RUN")
    keys = {
        value for name in dir(RunKeys) if isinstance(getattr(RunKeys, name), property) for value in [getattr(run, name)]
    }
    keys = {key for key in keys if not key.endswith("/manifest.json")}
    keys |= {dataset_prefix("SHA256"), release_key("REPOSITORY"), host_file_key("DIGEST/NAME")}

    assert len(keys) > 6
    assert [key for key in keys if f"`{key}`" not in page] == []
    assert str(VolumePaths(Path()).checkpoints("RUN")) in page
