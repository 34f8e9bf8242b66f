"""Rollback: main has the earlier release again, by its hashes, and the next gate is told; over the Hub's interface."""

import contextlib
import importlib
import shutil

import pytest
from pydantic import SecretStr
from slm_core.artifacts import archive
from slm_core.errors import HubTokenMissingError, HubTokenRefusedError, SettingMissingError
from slm_core.layout import RunKeys
from slm_core.publication import HubRepository, publish, tag
from slm_core.records import Release
from slm_core.releases import ReleasePointer

from fine_tune_slm import cli
from fine_tune_slm.errors import RollbackFailedError, RollbackRefusedError
from fine_tune_slm.kept_runs import KeptRun
from fine_tune_slm.localcloud.hub.server import LocalHub
from fine_tune_slm.rollback import (
    KeptObjects,
    Published,
    plan_rollback,
    published_by_rehearsal,
    published_from,
    roll_back,
)
from tests.unit.emulated_account import START, _instance_id, account, store_settings

__all__ = ["_instance_id", "account"]
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "local/Llama-adapter"
CARD = b"---\nlicense: apache-2.0\n---\n# An adapter\n"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A local Hub, and huggingface_hub as the template's environment makes it there: LFS only."""
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with contextlib.closing(LocalHub(tmp_path / "hub")) as hub:
        yield hub


@pytest.fixture
def published(account, hub):
    """A repository to which the runs a, b and c have published, each with weights and a file of its own."""
    token = SecretStr(hub.create_token("write"))
    repository = HubRepository(endpoint=hub.endpoint, repo_id=REPO, token=token, is_private=True)
    pointer = ReleasePointer(account.store, REPO)
    for number, run_id in enumerate(("run-a", "run-b", "run-c")):
        account.keys = RunKeys(run_id)
        _publish(account, repository, pointer, number)
    return Published(repository, pointer)


def _publish(account, repository, pointer, number):
    run_id = account.keys.run_id
    weights = bytes(range(256)) * 100 + run_id.encode()
    files = {"README.md": CARD + run_id.encode(), "adapter_model.safetensors": weights, f"of-{run_id}.json": b"{}"}
    _stage(account, files)
    archive(account.store, account.keys)
    scores = {"macro_f1": 0.8 + number / 100, "samples": 8, "validation_sha256": "0" * 64}

    def note(made):
        pointer.publish(Release(run_id=run_id, revision=made.revision, published_at=START, **scores))

    tag(repository, publish(account.store, account.keys, repository, note), run_id)


def _stage(account, files):
    manifest = account.stage(files)
    account.put_json(account.keys.staged_manifest, manifest | {"run_id": account.keys.run_id})


def _files(hub, revision):
    return {path: file.sha256 for path, file in hub.store.resolve(REPO, revision).files.items()}


def test_main_has_the_release_before_again_in_one_commit(published, hub):
    head = hub.head(REPO)
    commit = roll_back(published, plan_rollback(published, None))
    assert _files(hub, "main") == _files(hub, "run-b")
    assert hub.store.resolve(REPO, commit).parent == head
    assert published.pointer.read().current.run_id == "run-b"


def test_one_rollback_after_another_goes_further_back_until_there_is_nothing_before(published, hub):
    for run_id in ("run-b", "run-a"):
        roll_back(published, plan_rollback(published, None))
        assert _files(hub, "main") == _files(hub, run_id)
    with pytest.raises(RollbackRefusedError, match="no release of local/Llama-adapter before run run-a"):
        plan_rollback(published, None)


@pytest.mark.parametrize("run_id", ["run-a", "run-c"])
def test_main_can_be_returned_to_a_named_run(published, hub, run_id):
    roll_back(published, plan_rollback(published, run_id))
    assert _files(hub, "main") == _files(hub, run_id)


def test_what_was_rolled_back_can_be_brought_back(published, hub):
    roll_back(published, plan_rollback(published, None))
    roll_back(published, plan_rollback(published, "run-c"))
    assert _files(hub, "main") == _files(hub, "run-c")
    assert published.pointer.read().current.run_id == "run-c"


def test_a_run_that_never_published_is_refused_with_those_that_did(published):
    with pytest.raises(RollbackRefusedError, match="run-a, run-b, run-c"):
        plan_rollback(published, "run-x")


def test_a_rollback_that_was_cut_off_before_the_note_is_finished_without_a_second_commit(published, hub, monkeypatch):
    with monkeypatch.context() as cut_off:
        cut_off.setattr(ReleasePointer, "restore", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            roll_back(published, plan_rollback(published, None))
    head = hub.head(REPO)
    assert roll_back(published, plan_rollback(published, None)) == head == hub.head(REPO)
    assert published.pointer.read().current.run_id == "run-b"


def _commit_beside(hub):
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(endpoint=hub.endpoint, token=hub.create_token("write"))
    api.create_commit(REPO, [CommitOperationAdd("theirs.txt", b"theirs")], commit_message="theirs")


def test_a_main_that_somebody_else_has_changed_is_left_alone_unless_the_run_is_named(published, hub):
    _commit_beside(hub)
    with pytest.raises(RollbackRefusedError, match="not what run run-c published"):
        plan_rollback(published, None)
    roll_back(published, plan_rollback(published, "run-b"))
    assert _files(hub, "main") == _files(hub, "run-b")


def test_a_commit_that_comes_in_between_is_not_overwritten(published, hub, monkeypatch):
    from huggingface_hub import HfApi

    create_commit = HfApi.create_commit
    plan = plan_rollback(published, None)

    def overtaken(self, *arguments, **named):
        monkeypatch.undo()
        _commit_beside(hub)
        return create_commit(self, *arguments, **named)

    monkeypatch.setattr(HfApi, "create_commit", overtaken)
    with pytest.raises(RollbackFailedError, match="412"):
        roll_back(published, plan)
    assert "theirs.txt" in _files(hub, "main")
    assert published.pointer.read().current.run_id == "run-c"


def test_a_token_that_may_only_read_is_refused_and_nothing_is_noted(published, hub):
    reader = published.repository.model_copy(update={"token": SecretStr(hub.create_token("read"))})
    reading = Published(reader, published.pointer)
    with pytest.raises(HubTokenRefusedError):
        roll_back(reading, plan_rollback(reading, None))
    assert published.pointer.read().current.run_id == "run-c"


class FromTheAccount:
    """The emulated account as the command line reaches it."""

    def client(self, service):
        from slm_core.aws import client

        return client(service)


def _specs(account):
    from slm_core.settings import load_setting_specs

    return load_setting_specs(account.env.aws_config_path, account.env.parameter_root)


def test_a_stack_is_found_by_its_parameters_and_its_secret(account, published, hub):
    from slm_core.aws import client

    store_settings(account)
    client("secretsmanager").create_secret(Name=account.secret("write"), SecretString=hub.create_token("write"))
    found = published_from(FromTheAccount(), _specs(account), hub.endpoint, None)
    roll_back(found, plan_rollback(found, None))
    assert _files(hub, "main") == _files(hub, "run-b")


def test_a_token_of_the_environment_comes_first(account, hub, monkeypatch):
    store_settings(account)
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    found = published_from(FromTheAccount(), _specs(account), hub.endpoint, "mine/adapter")
    assert (found.repository.token.get_secret_value(), found.repository.repo_id) == ("hf_mine", "mine/adapter")
    assert found.pointer.repo_id == "mine/adapter"


@pytest.mark.parametrize(
    ("without", "error"),
    [("storage/bucket", SettingMissingError), ("hub/publish_repo", SettingMissingError), ("", HubTokenMissingError)],
)
def test_what_a_stack_lacks_is_named(account, hub, without, error):
    store_settings(account, without=[without])
    with pytest.raises(error):
        published_from(FromTheAccount(), _specs(account), hub.endpoint, None)


@pytest.fixture
def kept(account, published, hub, tmp_path):
    """What a rehearsal in which three runs published has left on the disk."""
    run = KeptRun(tmp_path / "local" / "runs" / "kept-run")
    shutil.copytree(tmp_path / "hub", run.directory / "hub")
    pointer = run.directory / "s3" / "bucket" / "releases" / f"{REPO}.json"
    pointer.parent.mkdir(parents=True)
    pointer.write_bytes(account.store.read(f"releases/{REPO}.json"))
    return run


def _command(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["fine-tune-slm", "rollback", *arguments])
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _kept_state(kept):
    with published_by_rehearsal(kept, REPO) as published:
        return [
            run for run in ("run-a", "run-b", "run-c") if plan_rollback(published, run) and _is_main(published, run)
        ]


def _is_main(published, run_id):
    from slm_core.publication import main_equals
    from slm_core.releases import find_release

    return main_equals(published.repository, find_release(published.pointer.read(), run_id).revision)


def test_the_command_rolls_back_the_hub_of_a_kept_rehearsal(kept, monkeypatch, capsys):
    arguments = ["--root", str(kept.directory.parents[1]), "--run", kept.run_id, "--repo", REPO]
    assert _command(monkeypatch, *arguments, "--dry-run") == 0
    assert _kept_state(kept) == ["run-c"]
    assert _command(monkeypatch, *arguments, "--yes") == 0
    said = capsys.readouterr().out
    assert "main holds  run-c  macro-F1 0.820" in said
    assert "returns to  run-b  macro-F1 0.810" in said
    assert "Nothing was changed." in said
    assert "the next run is compared with run-b" in said
    assert _kept_state(kept) == ["run-b"]


def test_without_a_terminal_and_without_consent_nothing_happens(kept, monkeypatch, capsys):
    arguments = ["--root", str(kept.directory.parents[1]), "--run", kept.run_id, "--repo", REPO]
    assert _command(monkeypatch, *arguments) == 2
    assert "--yes" in capsys.readouterr().err
    assert _kept_state(kept) == ["run-c"]


@pytest.mark.parametrize(("answer", "main"), [(True, "run-b"), (False, "run-c")])
def test_on_a_terminal_the_user_is_asked(kept, monkeypatch, answer, main):
    import typer

    def confirm(_question, *, abort, **_where):
        if abort and not answer:
            raise typer.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", confirm)
    arguments = ["--root", str(kept.directory.parents[1]), "--run", kept.run_id, "--repo", REPO]
    assert _command(monkeypatch, *arguments) == (0 if answer else 1)
    assert _kept_state(kept) == [main]


def test_a_rehearsal_that_published_nothing_has_nothing_to_roll_back(tmp_path):
    with (
        pytest.raises(RollbackRefusedError, match="published nothing"),
        published_by_rehearsal(KeptRun(tmp_path), None),
    ):
        pass


def test_a_kept_pointer_is_replaced_only_in_the_version_that_was_read(tmp_path):
    objects = KeptObjects(tmp_path)
    assert objects.put_version("releases/a/b.json", b"1", None)
    version = objects.read_version("releases/a/b.json")
    assert objects.put_version("releases/a/b.json", b"2", version)
    assert not objects.put_version("releases/a/b.json", b"3", version)
    assert objects.read_version("releases/a/b.json").content == b"2"
