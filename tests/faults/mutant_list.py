"""The mutants: what could be wrong with the product, the promise that must notice, and where it is looked for.

A mutant whose harm another layer makes good stands here with that layer switched off, or with both places changed.
"""

from __future__ import annotations

from tests.faults.fault import HostFault
from tests.faults.mutant_schedules import (
    ABORTED,
    CALM,
    CRASH,
    ENDS,
    FENCED,
    HALF_HOUR,
    HANG,
    LATE_EVENT,
    LATE_FUNCTION,
    LATE_START,
    LIMITS,
    LONG,
    LOST,
    OUTLIVED,
    OVERDUE,
    REAPER_ALONE,
    RESUMED,
    RETURNED,
    SILENT_STOP,
    SPARED,
    STILL,
    STOPPED,
    SWEEPER_ALONE,
    TAKEN_OVER,
    TEN_HOURS,
    TWO,
    UNHEARD,
    WORKFLOW_ALONE,
    call,
    host,
    one,
)
from tests.faults.mutation import NOTHING, Mutant, in_code, mutants
from tests.faults.release_mutants import RELEASE, TEXTS
from tests.faults.workflow_mutants import WORKFLOW

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
        in_code(f"{_REAP}:_stop_and_record", "record_failure(", NOTHING),
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
        "the sweeper ignores that a lease has ended",
        in_code("slm_core.decisions:why_sweep", "now >= lease.lease_until", "False"),
        OUTLIVED,
        (STILL,),
    ),
    (
        "the sweeper takes a quiet run for a dead one",
        in_code(
            "slm_core.decisions:why_sweep",
            "now >= lease.lease_until",
            "now >= lease.lease_until - timedelta(minutes=70)",
        ),
        SPARED,
        (STILL,),
    ),
    (
        "the sweeper looks and leaves",
        in_code(f"{_SWEEP}:Sweep._stop", "        instance.stop(is_forced=is_forced)\n", ""),
        STOPPED,
        (one(ABORTED, layers=SWEEPER_ALONE),),
    ),
    (
        "the sweeper keeps the dead's lease",
        in_code(f"{_SWEEP}:Sweep._tidy", "self._leases.release(", NOTHING),
        RETURNED,
        (one(ABORTED, layers=SWEEPER_ALONE),),
    ),
    (
        "the guard never acts",
        in_code(_GUARD, "now - heard_at > HEARTBEAT_SECONDS", "False"),
        STOPPED,
        (UNHEARD,),
    ),
    ("the guard always acts", in_code(_GUARD, "now - heard_at > HEARTBEAT_SECONDS", "True"), SPARED, (CALM,)),
    ("the guard has the sign wrong", in_code(_GUARD, "now - heard_at >", "heard_at - now <"), SPARED, (CALM,)),
    ("the guard ignores the deadline", in_code(_GUARD, "booted_at < deadline_at <= now", "False"), STOPPED, (OVERDUE,)),
    (
        "the guard asks for another tag",
        in_code("host.guard:deadline_time", "/instance/deadline", "/instance/Deadline"),
        STOPPED,
        (OVERDUE,),
    ),
    (
        "the guard listens for another file",
        in_code("host.guard:heartbeat_time", "*/progress.json", "*/heartbeat.json"),
        SPARED,
        (CALM,),
    ),
    (
        "the guard does not look at the volume",
        in_code("host.guard:main", "if reason is None:", "if False:"),
        STOPPED,
        (UNHEARD,),
    ),
    ("the guard only says that it powers off", in_code("host.guard:main", "power_off()", "str()"), STOPPED, (OVERDUE,)),
)
_LEASE, _START, _POLL = "slm_core.lease:LeaseTable", "lambdas.start_instance:Start", "lambdas.check_training:Poll"
_DECISIONS = mutants(
    (
        "the lease is taken from a run that runs",
        in_code(f"{_LEASE}.acquire", "is_running(seen.owner_arn) or", "False and"),
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
    ("no heartbeat is written", in_code(f"{_LEASE}.beat", "self._write(", NOTHING), ENDS, (LONG,)),
    (
        "no launch is written",
        in_code(f"{_START}._launched", "self._leases.record_launch(", NOTHING),
        "the record tells what AWS bills",
        (CALM,),
    ),
    ("no start is noted", in_code(f"{_START}._start", "self._leases.request_start(", NOTHING), ENDS, (CALM,)),
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
            ("lambdas.start_training:_seconds_left", "seconds_left <= 0", "False"),
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
        "the longest poll is the shortest",
        in_code("slm_core.decisions:next_poll_seconds", "LONGEST_POLL_SECONDS", "SHORTEST_POLL_SECONDS"),
        "an execution stays under 20,000 events",
        (TEN_HOURS,),
    ),
    (
        "a poll carries the training's log",
        in_code(
            "lambdas.check_training:_described",
            '"reason": seen.reason',
            '"reason": "step 17: loss 0.42\\n" * 20_000',
        ),
        "an event stays under 256 KB",
        (CALM,),
    ),
    (
        "the run to continue is forgotten",
        in_code("lambdas.prepare_run:_spec", "resume_from=request.resume_from", "resume_from=None"),
        LOST,
        (RESUMED,),
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
MUTANTS: tuple[Mutant, ...] = (*WORKFLOW, *_LAYERS, *_DECISIONS, *RELEASE, *TEXTS)
