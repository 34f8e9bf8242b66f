"""Holds that docs/extract.md tells every rule and every refusal as the code has them."""

import re
from pathlib import Path

from extraction.rules import MEANING, Rule
from fine_tune_slm.errors import ServingError
from fine_tune_slm.serving.reader import LONGEST_NOTE_CHARACTERS

PAGE = (Path(__file__).parents[2] / "docs" / "extract.md").read_text(encoding="utf-8")


def test_the_page_tells_what_each_rule_means_in_the_words_of_the_web_page() -> None:
    told = dict(re.findall(r"^\| ([^|`]+) \| ([^|]+) \|$", PAGE.partition("| rule | what")[2], flags=re.MULTILINE))

    assert {Rule(name): meaning for name, meaning in told.items() if name in set(Rule)} == MEANING


def test_the_page_tells_each_refusal_with_its_status() -> None:
    told = set(re.findall(r"^\| (\d+) \| (\w+) \|", PAGE, flags=re.MULTILINE))

    assert told == {(str(error.http_status), error.__name__) for error in ServingError.__subclasses__()}
    assert f"more than {LONGEST_NOTE_CHARACTERS:,} characters" in PAGE
