"""The encoded records on the volume: the same ids in the same order, encoded once, and again when the file is torn."""

import pytest

from tests.rehearsal.training_world import run_spec
from training.encoded_dataset import FILE_NAME, cache_name, encode_once
from training.encoding import EncodedRecord

RECORDS = [EncodedRecord(tuple(range(number, 3 * number)), (49_151, number)) for number in range(1, 40)]


def never():
    pytest.fail("encoded a second time")
    yield


def test_the_file_gives_the_very_records_in_their_order(tmp_path):
    encoded = encode_once(iter(RECORDS), tmp_path / "encoded" / "name")
    assert list(encoded) == RECORDS
    assert encoded.lengths == [len(record) for record in RECORDS]
    assert encoded[-1] == RECORDS[-1]


def test_another_launch_does_not_encode_again(tmp_path):
    encode_once(iter(RECORDS), tmp_path / "encoded" / "name")
    assert list(encode_once(never(), tmp_path / "encoded" / "name")) == RECORDS
    assert [path.name for path in (tmp_path / "encoded").iterdir()] == ["name"]


def test_a_torn_file_is_encoded_again(tmp_path):
    encode_once(iter(RECORDS), tmp_path / "name")
    content = (tmp_path / "name" / FILE_NAME).read_bytes()
    (tmp_path / "name" / FILE_NAME).write_bytes(content[:-100])
    assert list(encode_once(iter(RECORDS), tmp_path / "name")) == RECORDS


def test_a_launch_that_was_killed_while_encoding_leaves_nothing_that_counts(tmp_path):
    def cut_off():
        yield RECORDS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_once(cut_off(), tmp_path / "name")
    assert not (tmp_path / "name").exists()
    assert list(encode_once(iter(RECORDS), tmp_path / "name")) == RECORDS


def test_another_sample_dataset_or_tokenizer_has_another_name():
    spec, files = run_spec("run-1", "a" * 64), {"tokenizer.json": "0" * 64}

    def sampled(**changes):
        training = spec.config.training.model_copy(update=changes)
        return spec.model_copy(update={"config": spec.config.model_copy(update={"training": training})})

    specs = [spec, run_spec("run-1", "b" * 64), sampled(samples=7), sampled(seed=43)]
    names = {cache_name(one, files) for one in specs} | {cache_name(spec, {"tokenizer.json": "1" * 64})}
    assert len(names) == 5
    assert cache_name(run_spec("run-2", "a" * 64), files) in names
    assert cache_name(sampled(epochs=3, learning_rate=0.5), files) in names
