"""The execution input and the training configuration: what is accepted, and how refusals speak."""

import re
from pathlib import Path

import pytest
from slm_core.errors import ConfigInvalidError
from slm_core.training_config import load_training_config, parse_request, resolve

CONFIG_DIRECTORY = Path(__file__).parents[3] / "config"
CONFIG = load_training_config(CONFIG_DIRECTORY / "training_config.yml")


@pytest.mark.parametrize("name", ["training_config.yml", "training_config.local.yml"])
def test_the_committed_configurations_are_valid(name):
    assert load_training_config(CONFIG_DIRECTORY / name).training.learning_rate > 0


@pytest.mark.parametrize("request_body", [{}, {"Comment": "Insert your JSON here"}, {"Comment": {"any": ["thing"]}}])
def test_an_empty_input_and_the_consoles_comment_run_with_defaults(request_body):
    assert resolve(CONFIG, parse_request(request_body)) == CONFIG


def test_overrides_reach_the_resolved_configuration():
    request = parse_request({"training": {"epochs": 1, "samples": 64}, "max_hours": 2, "publish": False})
    resolved = resolve(CONFIG, request)
    assert (resolved.training.epochs, resolved.training.samples) == (1, 64)
    assert resolved.limits.max_hours == 2
    assert not resolved.publish.enabled
    assert resolved.training.learning_rate == CONFIG.training.learning_rate


@pytest.mark.parametrize(
    ("body", "naming"),
    [
        ([], "an array"),
        ("text", "a string"),
        (None, "null"),
        (3, "a number"),
        ({"nonsense": 1}, "nonsense: unknown key"),
        ({"publish": "yes"}, "publish: "),
        ({"max_hours": 49}, "max_hours: "),
        ({"resume_from": "a:b"}, "resume_from: "),
        ({"instance_types": []}, "instance_types: "),
        ({"detail-type": "Scheduled Event", "detail": {}, "source": "aws.events"}, "set the target's input to {}"),
    ],
)
def test_a_bad_request_is_refused_by_name(body, naming):
    with pytest.raises(ConfigInvalidError) as refusal:
        parse_request(body)
    assert naming in str(refusal.value)


@pytest.mark.parametrize(
    ("override", "naming"),
    [
        ({"learning_rate": -1}, "training.learning_rate"),
        ({"learning_rate": float("nan")}, "training.learning_rate"),
        ({"foo": 1}, "training.foo: unknown key"),
        ({"warmup_fraction": 0.5, "decay_fraction": 0.6}, "together exceed 1"),
        ({"checkpoint_minutes": 11}, "training.checkpoint_minutes"),
    ],
)
def test_a_bad_override_is_refused_by_name(override, naming):
    with pytest.raises(ConfigInvalidError, match="execution input") as refusal:
        resolve(CONFIG, parse_request({"training": override}))
    assert naming in str(refusal.value)


def test_all_problems_are_reported_at_once():
    with pytest.raises(ConfigInvalidError) as refusal:
        resolve(CONFIG, parse_request({"training": {"learning_rate": -1, "lora_rank": 0, "bar": 1}}))
    assert all(name in str(refusal.value) for name in ("learning_rate", "lora_rank", "bar"))


@pytest.mark.parametrize(
    "body",
    [
        "a 61-year-old with a secret" * 8000,
        {"a 61-year-old with a secret": 1},
        {"training": {"samples": "a 61-year-old with a secret"}},
        {"run_name": "a 61-year-old with a secret\n"},
    ],
)
def test_a_refusal_never_echoes_the_input(body):
    with pytest.raises(ConfigInvalidError) as refusal:
        resolve(CONFIG, parse_request(body))
    assert "secret" not in str(refusal.value)
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize("content", ["[]", "base_model: {", "training: {}", "\xff"])
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "broken.yml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigInvalidError, match=r"broken\.yml"):
        load_training_config(path)


@pytest.mark.parametrize(
    "document", [CONFIG_DIRECTORY / "aws_config.yml", CONFIG_DIRECTORY.parent / "README.md"], ids=lambda path: path.name
)
def test_the_names_that_the_documents_suggest_are_those_that_the_licence_allows(document):
    suggested = re.findall(r"NAMESPACE/[\w.-]+", document.read_text(encoding="utf-8"))
    assert suggested
    assert all(CONFIG.base_model.may_be_published_as(name) for name in suggested)
    assert not CONFIG.base_model.may_be_published_as("Llama-fans/clinical-extraction")


def test_a_model_without_such_a_licence_may_bear_any_name():
    local = load_training_config(CONFIG_DIRECTORY / "training_config.local.yml").base_model
    assert local.may_be_published_as("group/any-name")


def test_an_attribution_without_the_names_beginning_is_refused(tmp_path):
    path = tmp_path / "training_config.yml"
    text = (CONFIG_DIRECTORY / path.name).read_text(encoding="utf-8")
    path.write_text(text.replace("name_prefix: Llama-", "name_prefix: null"), encoding="utf-8")
    with pytest.raises(ConfigInvalidError, match=r"base_model: .*built_with and name_prefix go together"):
        load_training_config(path)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("tensorboard", ("tensorboard",)), (["tensorboard", "wandb"], ("tensorboard", "wandb")), ("none", ()), ([], ())],
)
def test_reporters_are_a_name_a_list_or_none(given, kept):
    assert resolve(CONFIG, parse_request({"training": {"report_to": given}})).training.report_to == kept


def test_the_committed_configurations_report_to_files_alone():
    assert CONFIG.training.report_to == ("tensorboard",)


@pytest.mark.parametrize("given", ["all", ["none", "tensorboard"], ["https://host"], 3, None])
def test_reporters_that_are_not_named_one_by_one_are_refused(given):
    with pytest.raises(ConfigInvalidError, match=r"training\.report_to"):
        resolve(CONFIG, parse_request({"training": {"report_to": given}}))
