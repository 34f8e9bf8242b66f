"""The numbers as card and report print them."""

import pytest
from slm_core import decisions, scoreboard
from slm_core.records import Difference, Evaluation, FieldMetrics, Gain, Interval, Metrics, TrainingSummary
from slm_core.training_config import GateConfig


def evaluation(f1):
    ends = Interval(low=f1 - 0.1, high=f1 + 0.1)
    field = FieldMetrics(precision=f1, recall=f1, f1=f1, f1_interval=ends)
    return Evaluation(
        samples=32, macro_f1=f1, macro_f1_interval=ends, micro_f1=f1, record_exact=f1, record_exact_interval=ends,
        json_valid=1.0, ungrounded_rate=0.25, fields={"stage": field, "response": field}, seconds=9.0,
    )  # fmt: skip


@pytest.fixture
def metrics():
    gain = Difference(difference=0.4, interval=Interval(low=-0.05, high=0.5))
    training = TrainingSummary(
        steps=32, resumed_from_step=0, samples_seen=128, tokens_seen=32000, first_loss=1.5, last_loss=0.25,
        held_out_loss_before=1.75, held_out_loss_after=0.375, seconds=120.0, padding_share=0.01,
        peak_memory_bytes=1, trainable_parameters=4884480, device="cpu (2 threads)",
    )  # fmt: skip
    return Metrics(
        run_id="run-1", validation_sha256="d" * 64, before=evaluation(0.2), after=evaluation(0.6), training=training,
        gain=Gain(macro_f1=gain, record_exact=gain, fields={"stage": gain, "response": gain}),
    )  # fmt: skip


def test_a_row_for_each_field_and_the_mean_last(metrics):
    rows = scoreboard.field_rows(metrics)
    assert [row.name for row in rows] == ["stage", "response", "macro mean"]
    assert rows[0] == (
        "stage", "0.200", "0.100 to 0.300", "0.600", "0.500 to 0.700", "+0.400", "-0.050 to +0.500", "0.600", "0.600",
    )  # fmt: skip
    assert rows[-1][1:7] == rows[0][1:7]


def test_what_was_not_measured_says_so(metrics):
    only_after = metrics.model_copy(update={"before": None, "gain": None})
    row = scoreboard.field_rows(only_after)[0]
    assert (row.before, row.before_interval, row.gain, row.gain_interval) == ("not measured",) * 4
    assert {row.before for row in scoreboard.measure_rows(only_after)[:-1]} == {"not measured"}


def test_measures_are_percentages_and_their_gain_is_in_points(metrics):
    exact, *_others, loss = scoreboard.measure_rows(metrics)
    assert exact[1:] == ("20.0 %", "60.0 %", "50.0 to 70.0 %", "+40.0 points", "-5.0 to +50.0")
    assert (loss.before, loss.after) == ("1.750", "0.375")


def test_missed_bounds_come_first(metrics):
    gate = GateConfig(macro_f1_min=0.7, field_f1_min=0.5, json_valid_min=0.9, ungrounded_max=0.3, macro_f1_loss_max=0)
    rows = scoreboard.gate_rows(decisions.assess(metrics, gate))
    assert rows[0] == ("macro-F1", "0.600", "at least 0.700", False)
    assert ("ungrounded", "0.250", "at most 0.300", True) in rows
    assert all(row.is_met for row in rows[1:])
