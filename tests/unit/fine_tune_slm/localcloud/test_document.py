"""A Command document becomes the script that the agent runs."""

from __future__ import annotations

import pytest

from fine_tune_slm.localcloud.fleet.document import DocumentError, ParametersError, render


def document(**changes):
    step = {
        "action": "aws:runShellScript",
        "name": "run",
        "inputs": {"timeoutSeconds": "{{ Seconds }}", "runCommand": ["echo {{ Word }}", "echo {{ Id }} $SSM_Id"]},
    }
    parameters = {
        "Id": {"type": "String", "allowedPattern": "^[a-z0-9-]+$", "interpolationType": "ENV_VAR"},
        "Word": {"type": "String", "default": "hello", "allowedValues": ["hello", "bye"]},
        "Seconds": {"type": "String", "default": "60", "allowedPattern": "^[0-9]+$"},
    }
    return {"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [step], **changes}


def test_a_variable_reaches_the_script_as_a_variable_and_never_as_text():
    rendered = render(document(), {"Id": ["run-1"]})
    assert rendered.script == "echo hello\necho {{ Id }} $SSM_Id"
    assert rendered.environment == {"SSM_Id": "run-1"}
    assert (rendered.timeout_seconds, rendered.plugin) == (60, "run")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "Id has no value"),
        ({"Id": ["a; rm -rf /"]}, "Id does not match its allowedPattern"),
        ({"Id": [""]}, "Id does not match its allowedPattern"),
        ({"Id": ["a"], "Word": ["other"]}, "Word is none of its allowedValues"),
        ({"Id": ["a"], "Extra": ["b"]}, "Extra is not in the document"),
    ],
)
def test_what_the_document_does_not_allow_is_refused_without_repeating_it(given, problem):
    with pytest.raises(ParametersError, match=problem) as refused:
        render(document(), given)
    assert "rm -rf" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "seconds"), [("5", 5), ("172800", 172800), ("4", 3600), ("172801", 3600), ("0", 3600)]
)
def test_a_timeout_out_of_range_silently_becomes_an_hour_as_the_agent_has_it(given, seconds):
    assert render(document(), {"Id": ["a"], "Seconds": [given]}).timeout_seconds == seconds


def test_a_variable_is_not_pasted_into_the_timeout_either():
    content = document()
    content["parameters"]["Seconds"]["interpolationType"] = "ENV_VAR"
    rendered = render(content, {"Id": ["a"], "Seconds": ["60"]})
    assert (rendered.timeout_seconds, rendered.environment["SSM_Seconds"]) == (3600, "60")


def test_other_documents_are_refused():
    for changes in ({"schemaVersion": "0.3"}, {"mainSteps": []}, {"mainSteps": [{"action": "aws:downloadContent"}]}):
        with pytest.raises(DocumentError, match=r"schema 2\.2"):
            render(document(**changes), {"Id": ["a"]})


def test_a_list_parameter_is_refused():
    parameters = {"Id": {"type": "StringList"}}
    with pytest.raises(DocumentError, match="StringList"):
        render(document(parameters=parameters), {"Id": ["a"]})
