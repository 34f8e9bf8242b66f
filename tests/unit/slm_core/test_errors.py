"""The error tree: what Step Functions, shells and users rely on."""

import re

import pytest
from slm_core import errors

LEAVES = sorted(errors.leaves().items())


@pytest.mark.parametrize(("name", "leaf"), LEAVES)
def test_every_leaf_has_a_remedy_and_carries_it_in_its_text(name, leaf):
    assert leaf.remedy.strip()
    assert str(leaf("Something broke")) == f"Something broke. {leaf.remedy}"


@pytest.mark.parametrize(("name", "leaf"), LEAVES)
def test_no_exit_code_collides_with_shells_docker_or_the_ssm_agent(name, leaf):
    assert leaf.exit_code not in {0, 125, 126, 127, 168, 169, 194}
    assert 0 < leaf.exit_code < 128


def test_training_errors_that_the_container_exits_with_have_codes_of_their_own():
    codes = [leaf.exit_code for leaf in errors.leaves(errors.TrainingError).values() if leaf.exit_code != 1]
    assert len(codes) == len(set(codes)) >= 10


def test_the_tree_drawn_at_the_top_of_the_module_is_the_real_tree():
    drawn = set(re.findall(r"(\w+Error)\b", errors.__doc__))
    assert drawn - {"FineTuneSlmError"} - {c.__name__ for c in errors.FineTuneSlmError.__subclasses__()} == {
        name for name, _ in LEAVES
    }


def test_the_drawn_tree_marks_exactly_the_retryable_leaves():
    drawn = set(re.findall(r"(\w+Error)\s+retryable", errors.__doc__))
    assert drawn == {name for name, leaf in LEAVES if leaf.retryable}
