"""The image holds what the training process imports, at locked versions, and runs as nobody special."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "training" / "Dockerfile").read_text(encoding="utf-8")


def names(lines):
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines)
    return {match[0].lower() for match in found if match}


def requirements():
    return names((ROOT / "training" / "requirements.txt").read_text(encoding="utf-8").splitlines())


def test_every_requirement_is_a_declared_dependency_with_a_locked_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = names(project["dependencies"] + project["optional-dependencies"]["training"])
    locked = names((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    assert requirements() <= declared
    assert requirements() <= locked


def test_everything_that_the_copied_packages_import_comes_with_a_requirement():
    distribution = {"yaml": "pyyaml", "huggingface_hub": "huggingface-hub", "mpl_toolkits": "matplotlib"}
    comes_with = {"botocore": "boto3", "httpx2": "huggingface-hub", "tokenizers": "transformers"}
    imported = set()
    for path in [*(ROOT / "training").glob("*.py"), *(ROOT / "extraction").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    foreign = imported - sys.stdlib_module_names - {"slm_core", "extraction", "training"}
    assert "torch" in foreign
    assert {distribution.get(name, comes_with.get(name, name)) for name in foreign} <= requirements()


def test_the_image_does_not_run_as_root_and_names_no_digest_of_its_own():
    last_user = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)[-1]
    assert last_user == "10001"
    assert "@sha256:" not in re.sub(r"^#.*$", "", DOCKERFILE, flags=re.MULTILINE)
    assert DOCKERFILE.rstrip().endswith('ENTRYPOINT ["python", "-m", "training"]')


def test_the_context_holds_what_is_copied_and_little_else():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        source.replace("${REQUIREMENTS}", "training/requirements.lock")
        for source in re.findall(r"^COPY ([^-]\S*) ", DOCKERFILE, re.MULTILINE)
    }
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"
    assert let_in == {"training" if one.startswith("training/") else one for one in copied}
    assert all((ROOT / one).exists() for one in copied)


def test_the_image_installs_by_hash_and_builds_nothing():
    assert "--require-hashes" in DOCKERFILE
    assert "--only-binary :all:" in DOCKERFILE
    assert not re.search(r"apt-get|gcc|build-essential", DOCKERFILE)
