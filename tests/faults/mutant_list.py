"""The mutants: what could be wrong with the product, the promise that must notice, and where it is looked for.

A mutant whose harm another layer makes good stands here with that layer switched off, or with both places changed.
"""

from __future__ import annotations

from tests.faults.canary import CANARY_NOTE
from tests.faults.fault import FOREVER, HostFault, HubFault, WorkflowFault
from tests.faults.mutant_schedules import (
    ABORTED,
    ARCHIVED,
    CALM,
    CORRUPT,
    CRASH,
    ENDS,
    FENCED,
    GUARD_ALONE,
    HALF_HOUR,
    HANG,
    LATE_EVENT,
    LATE_FUNCTION,
    LATE_START,
    LIMITS,
    LONG,
    NAN,
    PUBLISHED,
    REAPER_ALONE,
    RECORDED,
    REJECTED,
    RETURNED,
    SECRET,
    SILENT_STOP,
    SPARED,
    STOPPED,
    SWEEPER_ALONE,
    TAKEN_OVER,
    TWO,
    WORKFLOW_ALONE,
    call,
    host,
    one,
)
from tests.faults.mutation import Mutant, in_code, mutants
from tests.faults.workflow_mutants import WORKFLOW

_NOTHING = "(lambda *_: None)("


_REAP, _STOP = "lambdas.reap_run", "slm_core.stopping:stop_instance"
_SWEEP, _GUARD = "lambdas.sweep_instances", "host.guard:verdict"
_LAYERS = mutants(
    (
        "the reaper does nothing",
        in_code(f"{_REAP}:reap", "lease.owner_arn == ended.execution_arn", "False"),
        STOPPED,
        (one(ABORTED, layers=REAPER_ALONE),),
    ),
    (
        "the reaper stops whoever holds the instance",
        in_code(
            f"{_REAP}:reap",
            "lease.owner_arn == ended.execution_arn",
            "True",
            (_STOP, "not lease.is_held_by(run_id) or ", ""),
        ),
        (SPARED, FENCED),
        (LATE_EVENT,),
    ),
    (
        "the reaper does not look again after a start",
        in_code(f"{_REAP}:_look_again_after_a_start", "if lease.start_requested_at and", "if False and"),
        STOPPED,
        (LATE_START,),
    ),
    (
        "the reaper writes no record",
        in_code(f"{_REAP}:_stop_and_record", "record_failure(", _NOTHING),
        "a run that was ended has a record",
        (one(ABORTED),),
    ),
    (
        "a stop is believed unseen",
        in_code(_STOP, "        raise InstanceStillRunningError", "        str"),
        STOPPED,
        (one(call("changing", "StopInstance", "ec2.StopInstances"), layers=WORKFLOW_ALONE),),
    ),
    (
        "the sweeper spares the dead",
        in_code("slm_core.decisions:is_abandoned", "lease.owner_arn is None or owner_runs", "True"),
        STOPPED,
        (one(ABORTED, layers=SWEEPER_ALONE),),
    ),
    (
        "the sweeper ignores the deadline",
        in_code("slm_core.decisions:why_sweep", "now >= lease.deadline_at", "False"),
        LIMITS,
        (SILENT_STOP,),
    ),
    (
        "the sweeper stops the healthy",
        in_code("slm_core.decisions:why_sweep", "if lease.owner_arn is None:", "if True:"),
        SPARED,
        (CALM,),
    ),
    (
        "the sweeper looks and leaves",
        in_code(f"{_SWEEP}:Sweep._stop", "        instance.stop(is_forced=is_forced)\n", ""),
        STOPPED,
        (one(ABORTED, layers=SWEEPER_ALONE),),
    ),
    (
        "the sweeper keeps the dead's lease",
        in_code(f"{_SWEEP}:Sweep._tidy", "self._leases.release(", _NOTHING),
        RETURNED,
        (one(ABORTED, layers=SWEEPER_ALONE),),
    ),
    (
        "the guard never acts",
        in_code(_GUARD, "now - heard_at > HEARTBEAT_SECONDS", "False"),
        STOPPED,
        (one(WorkflowFault(kind="aborted", event=40), layers=GUARD_ALONE),),
    ),
    ("the guard always acts", in_code(_GUARD, "now - heard_at > HEARTBEAT_SECONDS", "True"), SPARED, (CALM,)),
    ("the guard has the sign wrong", in_code(_GUARD, "now - heard_at >", "heard_at - now <"), SPARED, (CALM,)),
    (
        "the guard ignores the deadline",
        in_code(_GUARD, "booted_at < deadline_at <= now", "False"),
        STOPPED,
        (one(HostFault(kind="aborted", minute=15), layers=GUARD_ALONE, execution_input=HALF_HOUR, steps=14_000),),
    ),
)
_LEASE, _START, _POLL = "slm_core.lease:LeaseTable", "lambdas.start_instance:Start", "lambdas.check_training:Poll"
_DECISIONS = mutants(
    (
        "the lease is taken from a run that runs",
        in_code(f"{_LEASE}.acquire", "and is_running(seen.owner_arn)", "and False"),
        ENDS,
        (TWO,),
    ),
    (
        "every execution runs",
        in_code("slm_core.lease:is_running", 'status in {"RUNNING", "PENDING_REDRIVE"}', "True"),
        STOPPED,
        (one(ABORTED, layers=SWEEPER_ALONE),),
    ),
    (
        "no execution runs",
        in_code("slm_core.lease:is_running", 'status in {"RUNNING", "PENDING_REDRIVE"}', "False"),
        SPARED,
        (CALM,),
    ),
    (
        "a release forgets the fence",
        in_code(f"{_LEASE}.release", "REMOVE owner_arn,", "REMOVE fence, owner_arn,"),
        "no two runs have the same fence",
        (TWO,),
    ),
    (
        "the fence does not grow",
        in_code(f"{_LEASE}._take", "seen.fence + 1", "seen.fence or 1"),
        "no two runs have the same fence",
        (TWO,),
    ),
    (
        "no fence is checked",
        in_code(
            f"{_LEASE}._write",
            "_IS_OURS",
            'f"{_IS_OURS} OR attribute_exists(lease_name)"',
            (f"{_LEASE}.require", "not lease.is_held_by(run_id) or lease.fence != fence", "False"),
        ),
        FENCED,
        (LATE_FUNCTION,),
    ),
    ("no heartbeat is written", in_code(f"{_LEASE}.beat", "self._write(", _NOTHING), ENDS, (LONG,)),
    (
        "no launch is written",
        in_code(f"{_START}._launched", "self._leases.record_launch(", _NOTHING),
        "the record tells what AWS bills",
        (CALM,),
    ),
    ("no start is noted", in_code(f"{_START}._start", "self._leases.request_start(", _NOTHING), ENDS, (CALM,)),
    (
        "a takeover is forgotten",
        in_code(f"{_LEASE}._take", "seen.owner_arn is not None", "False"),
        STOPPED,
        (TAKEN_OVER,),
    ),
    (
        "the budget sets no deadline",
        in_code("slm_core.decisions:deadline", "limits.budget_usd / usd_per_hour", "10_000"),
        ENDS,
        (one(execution_input='{"budget_usd": 1}', steps=1500),),
    ),
    (
        "the deadline never passes",
        in_code(
            f"{_POLL}.go",
            "clock.now() >= self._launch.deadline_at",
            "False",
            ("lambdas.start_training:_order", "seconds_left <= 0", "False"),
        ),
        ENDS,
        (one(execution_input=HALF_HOUR, steps=1500, layers=WORKFLOW_ALONE),),
    ),
    (
        "a stall is never seen",
        in_code("slm_core.decisions:is_stalled", "return (now", "return False and (now"),
        ENDS,
        (HANG,),
    ),
    (
        "every launch has a deadline of its own",
        in_code(
            f"{_START}._launched",
            "first = min(",
            "first = max(",
            (f"{_START}._launched", "if lease.deadline_at:", "if False:"),
        ),
        LIMITS,
        (
            one(
                *(HostFault(kind="crash", minute=minute) for minute in (25, 50, 75)),
                execution_input=HALF_HOUR,
                steps=14_000,
            ),
        ),
    ),
    (
        "the reason of a stop is ignored",
        in_code("slm_core.instance:InstanceView.lacked_capacity", "return self.state", "return False and self.state"),
        ENDS,
        (host("scarce", minute=0),),
    ),
    (
        "want of memory counts as a lost host",
        in_code("slm_core.decisions:_judge_death", "if outcome.oom_killed:", "if False:"),
        ENDS,
        (host("oom"),),
    ),
    (
        "a lost command counts as running",
        in_code(
            f"{_POLL}._judge",
            "if command.phase in",
            "if False and command.phase in",
            (f"{_POLL}._judge", 'if state != "running":', "if False:"),
            ("slm_core.decisions:is_stalled", "return (now", "return False and (now"),
        ),
        ENDS,
        (CRASH,),
    ),
)
_ARCHIVE, _PUBLICATION = "slm_core.artifacts", "slm_core.publication"
_RELEASE = mutants(
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
        "a success keeps the lease",
        in_code("lambdas.complete_run:complete_run", "leases.release(", _NOTHING),
        "success gives the lease back",
        (one(layers=WORKFLOW_ALONE),),
    ),
    (
        "a success writes no record",
        in_code("lambdas.complete_run:complete_run", "store.put(run.keys.record, to_json(record))", "pass"),
        "success is recorded",
        (CALM,),
    ),
)
_SHY = "{problems(error)}"
_TEXTS = mutants(
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
        in_code("slm_core.failure_record:record_failure", "    store.put(keys.record, to_json(record))\n", ""),
        RECORDED,
        (NAN,),
    ),
)
MUTANTS: tuple[Mutant, ...] = (*WORKFLOW, *_LAYERS, *_DECISIONS, *_RELEASE, *_TEXTS)
