"""What the GitHub workflows promise: the Makefile's targets, actions pinned by commit, no key, no right too many."""

import re
from pathlib import Path

import pytest
import yaml

from fine_tune_slm.localcloud.deploy.translation import read_template

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXTS = {file.stem: file.read_text(encoding="utf-8") for file in FILES}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"].values()]
ROLE_TAKERS = {"image", "deploy"}
RESOURCES = read_template(ROOT / "template.yaml")["Resources"]
MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def commands(job):
    """Return the commands of a job's steps."""
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_workflows_are_these():
    assert set(WORKFLOWS) == {"audit", "checks", "deploy", "image"}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(text):
    used = re.findall(r"uses: (.+)", text)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used)


def test_a_workflow_runs_what_the_makefile_runs():
    made = {target for _, job in JOBS for line in commands(job) for target in re.findall(r"\bmake (\w+)", line)}
    assert made == {"audit", "sam", "deploy"}
    assert made <= MAKE_TARGETS
    assert commands(WORKFLOWS["checks"]["jobs"]["checks"]) == [".ci/run"]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").endswith("\nmake check\nmake test\n")


def test_only_what_assumes_a_role_may_ask_for_an_identity_and_nothing_may_write():
    for name, job in JOBS:
        granted = WORKFLOWS[name]["permissions"] | job.get("permissions", {})
        wanted = {"contents": "read"} | ({"id-token": "write"} if name in ROLE_TAKERS else {})
        assert granted == wanted, name


def test_whoever_assumes_a_role_does_so_in_an_environment_and_by_variables_alone():
    for name, job in JOBS:
        assert ("environment" in job) == (name in ROLE_TAKERS)
        assert "secrets." not in TEXTS[name]
        assert not re.search(r"aws-(access|secret)", TEXTS[name])


def test_a_step_of_several_commands_fails_with_the_first_that_fails():
    for name, job in JOBS:
        if any("|" in line for line in commands(job)):
            assert job["defaults"]["run"]["shell"] == "bash", name


def test_no_checkout_leaves_a_token_behind_and_no_expression_is_pasted_into_a_script():
    for _, job in JOBS:
        assert job["steps"][0]["with"]["persist-credentials"] is False
        assert not [line for line in commands(job) if "${{" in line]


def test_a_deployment_is_a_persons_and_is_refused_while_a_run_goes_on():
    workflow = WORKFLOWS["deploy"]
    lines = commands(workflow["jobs"]["deploy"])
    refusal, deployment = (next(n for n, line in enumerate(lines) if part in line) for part in ("idle", "make deploy"))
    assert set(workflow[True]) == {"workflow_dispatch"}  # YAML 1.1 reads `on` as true
    assert refusal < deployment


def test_an_image_is_recorded_after_its_push_and_by_the_commit_that_it_is_tagged_with():
    steps = WORKFLOWS["image"]["jobs"]["image"]["steps"]
    build = next(n for n, step in enumerate(steps) if "build-push-action" in step.get("uses", ""))
    assert build < len(steps) - 1
    assert "scripts.pipeline.image record" in steps[-1]["run"]
    assert steps[build]["with"]["tags"].endswith(":${{ github.sha }}")
    assert '--commit "$GITHUB_SHA"' in steps[-1]["run"]


def test_the_names_in_the_workflows_are_the_templates():
    repository = RESOURCES["Repository"]["Properties"]["RepositoryName"]["Fn::Sub"]
    secret = RESOURCES["DockerHubTokenSecret"]["Properties"]["Name"]["Fn::Sub"]
    script = (ROOT / "scripts" / "pipeline" / "log_in_to_docker_hub.sh").read_text(encoding="utf-8")
    assert repository.replace("${Stage}", "${{ env.STAGE }}") in TEXTS["image"]
    assert secret.replace("${Stage}", "$stage") in script


def test_the_stages_that_can_be_chosen_have_a_configuration_of_sams():
    configuration = (ROOT / "samconfig.toml").read_text(encoding="utf-8")
    for name in ROLE_TAKERS:
        for stage in WORKFLOWS[name][True]["workflow_dispatch"]["inputs"]["stage"]["options"]:
            assert f'stack_name = "fine-tune-slm-{stage}"' in configuration
