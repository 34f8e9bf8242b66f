"""The plan of a training run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.batching import PlanOptions, cut_to_budget, plan_steps

OPTIONS = PlanOptions(batch_size=4, max_tokens_per_batch=1000, epochs=1, seed=42)


def flat(step):
    return [index for micro_batch in step for index in micro_batch]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(20, 400), min_size=1, max_size=60), st.integers(1, 9), st.integers(400, 2000))
def test_every_micro_batch_stays_below_the_token_budget_with_its_padding(lengths, batch_size, max_tokens):
    plan = plan_steps(lengths, PlanOptions(batch_size, max_tokens, 1, 7))
    for step in plan:
        for micro_batch in step:
            assert max(lengths[index] for index in micro_batch) * len(micro_batch) <= max_tokens


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(20, 400), min_size=1, max_size=60), st.integers(1, 3))
def test_every_epoch_sees_every_record_once(lengths, epochs):
    plan = plan_steps(lengths, PlanOptions(4, 1000, epochs, 7))
    seen = [index for step in plan for index in flat(step)]
    assert sorted(seen) == sorted(list(range(len(lengths))) * epochs)


def test_the_same_seed_gives_the_same_plan_and_another_seed_another_one():
    lengths = list(range(50, 150))
    assert plan_steps(lengths, OPTIONS) == plan_steps(lengths, OPTIONS)
    assert plan_steps(lengths, OPTIONS) != plan_steps(lengths, PlanOptions(4, 1000, 1, 43))


def test_two_epochs_walk_different_ways():
    plan = plan_steps(list(range(50, 150)), PlanOptions(4, 1000, 2, 42))
    assert plan[:25] != plan[25:]


def test_part_of_an_epoch_takes_part_of_its_steps():
    assert len(plan_steps([100] * 40, PlanOptions(4, 1000, 0.5, 42))) == 5
    assert len(plan_steps([100] * 40, PlanOptions(4, 1000, 1.5, 42))) == 15
    assert len(plan_steps([100] * 40, PlanOptions(4, 1000, 0.001, 42))) == 1


def test_batches_grouped_by_length_waste_less_than_a_twentieth_on_padding():
    lengths = [50 + (index * 37) % 300 for index in range(400)]
    plan = plan_steps(lengths, PlanOptions(8, 100_000, 1, 42))
    padded = sum(max(lengths[index] for index in flat(step)) * len(flat(step)) for step in plan)
    assert sum(lengths) / padded > 0.95


@pytest.mark.parametrize(
    ("max_tokens", "expected"), [(1000, ((1, 0, 2),)), (500, ((1,), (0, 2))), (400, ((1,), (0, 2)))]
)
def test_a_step_is_cut_only_where_the_budget_asks_for_it(max_tokens, expected):
    assert cut_to_budget([0, 1, 2], [200, 300, 100], max_tokens) == expected
