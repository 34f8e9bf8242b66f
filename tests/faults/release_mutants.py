"""Mutants of what comes after the training: archive, gate and publication, and of what is said about a run."""

from __future__ import annotations

from tests.faults.canary import CANARY_NOTE
from tests.faults.fault import FOREVER, HubFault
from tests.faults.mutant_schedules import (
    AFTER_A_BETTER,
    AFTER_A_RELEASE,
    AGAIN,
    ARCHIVED,
    ARCHIVED_ONLY,
    CALM,
    CORRUPT,
    ENDS,
    NAN,
    POINTED,
    PUBLISHED,
    RECORDED,
    REJECTED,
    REPEATED,
    REVISION,
    SECRET,
    TOLD,
    WORKFLOW_ALONE,
    call,
    one,
)
from tests.faults.mutation import NOTHING, in_code, mutants

_ARCHIVE, _PUBLICATION = "slm_core.artifacts", "slm_core.publication"
RELEASE = mutants(
    (
        "the gate lets everything pass",
        in_code("lambdas.assess_model:assess_model", "if not all(", "if False and all("),
        "a rejected model is never published",
        (REJECTED,),
    ),
    (
        "the gate lets nothing pass",
        in_code("lambdas.assess_model:assess_model", "if not all(", "if all("),
        ENDS,
        (CALM,),
    ),
    ("staging is not verified", in_code(f"{_ARCHIVE}:_promote", "!= file.sha256", "is None"), ARCHIVED, (CORRUPT,)),
    (
        "the manifest comes first",
        in_code(
            f"{_ARCHIVE}:archive",
            "    for file in",
            "    store.put_once(keys.archive_manifest, content)\n    for file in",
        ),
        ARCHIVED,
        (one(call("killed", "ArchiveArtifacts", "s3.CopyObject", occurrence=2, times=FOREVER)),),
    ),
    (
        "the archive is left without its manifest, which is read from staging",
        in_code(
            f"{_ARCHIVE}:archive",
            "store.put_once(keys.archive_manifest, content)",
            "content",
            (f"{_ARCHIVE}:read_manifest", "keys.archive_manifest", "keys.staged_manifest"),
        ),
        "success means archived",
        (ARCHIVED_ONLY,),
    ),
    (
        "a file is left out of the commit",
        in_code(f"{_PUBLICATION}:_commit", "in sorted(files.items())", "in sorted(files.items())[1:]"),
        REVISION,
        (CALM,),
    ),
    (
        "what the release before had is left on main",
        in_code(f"{_PUBLICATION}:_commit", "for path in sorted(superfluous)", "for path in ()"),
        REVISION,
        (AFTER_A_RELEASE,),
    ),
    (
        "main is emptied before the release comes",
        in_code(
            f"{_PUBLICATION}:_commit",
            "    commit = api.create_commit(",
            "    gone = [CommitOperationDelete(path_in_repo=path) for path in sorted(present)]\n"
            "    head = api.create_commit(repo_id, gone, commit_message='Make room', revision=_MAIN).oid\n"
            "    commit = api.create_commit(",
        ),
        REVISION,
        (AFTER_A_RELEASE.model_copy(update={"faults": (HubFault(kind="503", occurrence=13, times=FOREVER),)}),),
    ),
    (
        "the gate does not look at the release before",
        in_code("slm_core.decisions:assess", " + _beside_published(metrics, gate, published)", ""),
        "a rejected model is never published",
        (AFTER_A_BETTER,),
    ),
    (
        "the release comes in two commits",
        in_code(
            f"{_PUBLICATION}:_commit",
            "    commit = api.create_commit(",
            "    api.create_commit(repo_id, [CommitOperationAdd(path_in_repo=path, path_or_fileobj=file)"
            " for path, file in list(files.items())[:2]], commit_message='A part', revision=_MAIN)\n"
            "    head = None\n    commit = api.create_commit(",
        ),
        "every commit on main is a whole release",
        (CALM,),
    ),
    (
        "digests on the Hub are not compared",
        in_code(f"{_PUBLICATION}:_is_equal", "return all(", "return True or all("),
        PUBLISHED,
        (CALM,),
    ),
    (
        "the pointer is forgotten",
        in_code("lambdas.publish_model:publish_model", "pointer.publish(", "str("),
        "success moves the pointer",
        (CALM,),
    ),
    (
        "the pointer waits until the commit was read again",
        in_code(
            f"{_PUBLICATION}:publish",
            "        note(publication)\n        _verify(api, publication, wanted)\n",
            "        _verify(api, publication, wanted)\n        note(publication)\n",
        ),
        "the pointer names main's head",
        (one(HubFault(kind="404", occurrence=13, times=FOREVER)),),
    ),
    (
        "the pointer names another commit",
        in_code("lambdas.publish_model:_release", "revision=publication.revision", 'revision="0" * 40'),
        POINTED,
        (CALM,),
    ),
    (
        "a success keeps the lease",
        in_code("lambdas.complete_run:complete_run", "leases.release(", NOTHING),
        "success gives the lease back",
        (one(layers=WORKFLOW_ALONE),),
    ),
    (
        "a success writes no record",
        in_code("lambdas.complete_run:complete_run", "store.put_once(run.keys.record, to_json(made))", "True"),
        "success is recorded",
        (CALM,),
    ),
    (
        "nobody is told of a failure",
        in_code(
            "lambdas.reap_run:_tell", "tell(env.topic_arn, *failure_card(ended.name, ended.status, record))", "pass"
        ),
        TOLD,
        (NAN,),
    ),
    (
        "a run id is taken twice",
        in_code("lambdas.prepare_run:prepare_run", "_require_new(store, keys)", "pass"),
        REPEATED,
        (AGAIN,),
    ),
    (
        "the failure of a run's namesake is its own",
        in_code("slm_core.failure_record:record_failure", " and _is_of(given.execution, recorded)", ""),
        REPEATED,
        (AGAIN,),
    ),
)
_SHY = "{problems(error)}"
TEXTS = mutants(
    (
        "errors quote AWS",
        in_code("slm_core.aws:as_leaf", "({code})", "({code}: {error})"),
        SECRET,
        (one(call("denied", "PrepareRun", "dynamodb.GetItem", times=FOREVER)),),
    ),
    (
        "errors quote the request",
        in_code("slm_core.training_config:parse_request", _SHY, "{request}"),
        SECRET,
        (one(execution_input=f'{{"note": "{CANARY_NOTE}"}}'),),
    ),
    (
        "errors quote the Hub",
        in_code(f"{_PUBLICATION}:_leaf", "could not serve {repo_id} (", "could not serve {response.text} ("),
        SECRET,
        (one(HubFault(kind="503", occurrence=7, times=FOREVER)),),
    ),
    (
        "the Hub's library may talk",
        in_code(f"{_PUBLICATION}:_api", "hub_logging.CRITICAL)", "hub_logging.WARNING)"),
        SECRET,
        (one(HubFault(kind="broken", occurrence=11)),),
    ),
    (
        "the token is printed",
        in_code(
            "lambdas.publish_model:publish_model",
            "    repository =",
            "    print(read_token(run.write_token_secret_id))\n    repository =",
        ),
        SECRET,
        (CALM,),
    ),
    (
        "the token travels in the state",
        in_code(
            "lambdas.prepare_run:prepare_run",
            "write_token_secret_id=settings.hub.write_token_secret_id",
            "write_token_secret_id=read_token(settings.hub.write_token_secret_id)",
        ),
        SECRET,
        (CALM,),
    ),
    (
        "the cause is lost",
        in_code("slm_core.failure:explain", "(message or failure.cause)", '""'),
        "every error says what to do",
        (NAN,),
    ),
    (
        "AWS's errors go out as they are",
        in_code("slm_core.step:_with_leaf_errors", "raise as_leaf(error) from error", "raise"),
        ("every error has a name", SECRET),
        (one(call("denied", "PrepareRun", "dynamodb.GetItem", times=FOREVER)),),
    ),
    (
        "a failure writes no record",
        in_code("slm_core.failure_record:record_failure", "    _write(store, record)\n", ""),
        RECORDED,
        (NAN,),
    ),
)
