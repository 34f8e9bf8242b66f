"""Records as token ids."""

import pytest
from slm_core.errors import BaseModelCorruptError, DatasetInvalidError

from extraction.schema import FIELDS, DatasetRecord, ExtractionRecord
from training.encoding import digest_of, encode_records


class CharacterTokenizer:
    """A tokenizer whose ids are code points; <|stop|> ends every turn."""

    all_special_ids = (1,)

    def __init__(self, stop="\x01"):
        self.stop = stop

    def apply_chat_template(self, conversation, *, add_generation_prompt, **_options):
        text = "".join(f"[{turn['role']}]\n{turn['content']}{self.stop}" for turn in conversation)
        return text + ("[assistant]\n" if add_generation_prompt else "")

    def __call__(self, text, **_options):
        return {"input_ids": [ord(character) for character in text]}


def record(note="Synthetic note."):
    return DatasetRecord(input=note, output=ExtractionRecord(**dict.fromkeys(FIELDS) | {"stage": "IV"}))


def test_the_answer_is_the_records_json_and_ends_with_the_stop_token():
    (encoded,) = encode_records(CharacterTokenizer(), [record()])
    assert "".join(map(chr, encoded.answer_ids[:-1])) == record().output.answer()
    assert encoded.answer_ids[-1] == 1
    assert "".join(map(chr, encoded.prompt_ids)).endswith("Synthetic note.\x01[assistant]\n")


def test_records_that_are_too_long_are_counted_and_never_cut():
    records = [record(), record("long " * 200 + "end"), record("long " * 300 + "end")]
    with pytest.raises(DatasetInvalidError, match=r"2 of 3 records are longer than 500 tokens") as caught:
        encode_records(CharacterTokenizer(), records, 500)
    assert "long long" not in str(caught.value)


def test_a_template_without_stop_token_is_a_fault_of_the_model():
    with pytest.raises(BaseModelCorruptError):
        encode_records(CharacterTokenizer(stop=""), [record()])


def test_the_digest_changes_with_any_token():
    one, other = (encode_records(CharacterTokenizer(), [record(note)]) for note in ("a", "b"))
    assert digest_of(one) != digest_of(other)
    assert digest_of(one) == digest_of(encode_records(CharacterTokenizer(), [record("a")]))
