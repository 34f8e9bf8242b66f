from __future__ import annotations

import pytest

from fine_tune_slm.errors import ArgumentInvalidError
from fine_tune_slm.execution_input import read_execution_input


@pytest.mark.parametrize("text", ["{}", "[]", '"text"', "null", '{"training": {"learning_rate": -1}}'])
def test_any_json_is_passed_on_exactly_as_it_stands(text):
    assert read_execution_input(text) == text


def test_a_file_is_read(tmp_path):
    path = tmp_path / "input.json"
    path.write_text('"' + "x" * 200_000 + '"', encoding="utf-8")
    assert len(read_execution_input(f"@{path}")) == 200_002


@pytest.mark.parametrize("text", ["", "{secret", "{'secret': 1}"])
def test_what_is_no_json_is_refused_without_quoting_it(text):
    with pytest.raises(ArgumentInvalidError, match="no valid JSON") as refused:
        read_execution_input(text)
    assert "secret" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ArgumentInvalidError, match="cannot be read"):
        read_execution_input(f"@{tmp_path / 'absent'}")
