"""shellcheck sees every script that the template carries, as the host would run it."""

import pytest

from fine_tune_slm.localcloud.deploy.translation import read_template
from scripts.checks.template_scripts import template_scripts
from tests.unit.emulated_account import ROOT

USER_DATA = "#!/bin/sh\ncat >mount <<'SCRIPT'\n#!/bin/sh\nmount\nSCRIPT\ncat >unit <<'UNIT'\n[Unit]\nUNIT\n"


def template(user_data, run_command=()):
    return {
        "Resources": {
            "Launch": {"Properties": {"LaunchTemplateData": {"UserData": user_data}}},
            "Document": {"Properties": {"Content": {"mainSteps": [{"inputs": {"runCommand": list(run_command)}}]}}},
        }
    }


def test_user_data_and_the_shell_scripts_inside_of_it_are_found_and_units_are_not():
    assert template_scripts(template({"Fn::Base64": USER_DATA})) == {
        "Launch-user-data.sh": USER_DATA,
        "Launch-user-data-here-document-1.sh": "#!/bin/sh\nmount\n",
        "Document-run-command.sh": "#!/bin/sh\n",
    }


def test_a_command_documents_lines_are_one_script_with_a_word_for_each_reference():
    scripts = template_scripts(template("", [{"Fn::Sub": "REGION='${AWS::Region}'; echo ${!HOME}"}, "exit 0\n"]))
    assert scripts["Document-run-command.sh"] == "#!/bin/sh\nREGION='AWS-Region'; echo ${HOME}\nexit 0\n\n"


def test_a_script_that_is_joined_of_pieces_is_read_too():
    joined = {"Fn::Base64": {"Fn::Join": ["\n", ["#!/bin/sh", {"Ref": "Bucket"}]]}}
    assert template_scripts(template(joined))["Launch-user-data.sh"] == "#!/bin/sh\nBucket"


def test_a_script_that_cannot_be_read_is_an_error_and_not_a_script_less():
    with pytest.raises(ValueError, match="Fn::ImportValue"):
        template_scripts(template({"Fn::Base64": {"Fn::ImportValue": "elsewhere"}}))


def test_the_projects_template_gives_the_bootstrap_the_mount_script_and_the_command():
    scripts = template_scripts(read_template(ROOT / "template.yaml"))
    assert any("mkfs.ext4" in text for name, text in scripts.items() if "here-document" in name)
    assert any("docker run" in text for name, text in scripts.items() if name.endswith("run-command.sh"))
    assert all(text.startswith("#!/bin/sh\n") for text in scripts.values())
