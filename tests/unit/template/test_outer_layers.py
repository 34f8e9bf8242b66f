"""What the template promises about the layers that stop the instance when the workflow cannot."""

import json
import re
import textwrap
from datetime import timedelta

import pytest
from slm_core import decisions

from tests.unit.template.test_template import ROOT, TEMPLATE, _of_type, _translated

OUTSIDE = {"ReapRun": "reap_run", "SweepInstances": "sweep_instances"}
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = _of_type(TEMPLATE, "AWS::Serverless::Function")
ALARMS = _of_type(TEMPLATE, "AWS::CloudWatch::Alarm")
TOPIC = {"Ref": "AlertTopic"}
QUEUE_ARN = {"Fn::GetAtt": ["FailureQueue", "Arn"]}
USER_DATA = RESOURCES["GpuInstance"]["Properties"]["UserData"]["Fn::Base64"]


@pytest.fixture(scope="module")
def translated():
    """The translated template."""
    return _translated()


def _allowed(name):
    """Return action -> resources of a function's role."""
    found = {}
    for policy in FUNCTIONS[f"{name}Function"]["Policies"]:
        for statement in policy["Statement"]:
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                found[action] = statement
    return found


def _unit(path):
    return USER_DATA.split(f"cat >{path} <<'UNIT'\n")[1].split("UNIT\n")[0]


def test_the_functions_outside_the_workflow_are_named_like_the_others():
    for name, snake in OUTSIDE.items():
        function, group = RESOURCES[f"{name}Function"]["Properties"], RESOURCES[f"{name}LogGroup"]["Properties"]
        kebab = snake.replace("_", "-")
        assert (ROOT / "lambdas" / f"{snake}.py").is_file()
        assert function["Handler"] == f"{snake}.handler"
        assert function["FunctionName"]["Fn::Sub"].endswith(f"-{kebab}")
        assert group["LogGroupName"]["Fn::Sub"] == f"/aws/lambda/fine-tune-slm-${{Stage}}-{kebab}"


def test_only_the_functions_outside_the_workflow_know_instance_and_topic():
    variables = {name: one.get("Environment", {}).get("Variables", {}) for name, one in FUNCTIONS.items()}
    knowing = {name for name, known in variables.items() if {"INSTANCE_ID", "TOPIC_ARN"} & known.keys()}
    assert knowing == {f"{name}Function" for name in OUTSIDE}
    assert "INSTANCE_ID" not in TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]


def test_the_sweeper_may_look_stop_judge_tell_and_nothing_else():
    assert set(_allowed("SweepInstances")) == {
        "ec2:DescribeInstances",
        "ec2:StopInstances",
        "states:DescribeExecution",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "sns:Publish",
    }


def test_the_reaper_may_record_besides():
    more = {"s3:GetObject", "s3:PutObject", "s3:ListBucket", "states:GetExecutionHistory"}
    assert set(_allowed("ReapRun")) == set(_allowed("SweepInstances")) | more
    assert _allowed("ReapRun")["s3:PutObject"]["Resource"] == {"Fn::Sub": "${Bucket.Arn}/runs/*/record.json"}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_they_may_do_they_may_do_to_this_stack_alone(name):
    allowed = _allowed(name)
    stop = allowed["ec2:StopInstances"]
    assert stop["Resource"]["Fn::Sub"].endswith(":instance/${InstanceIdParameter.Value}")
    assert stop["Condition"] == {"StringEquals": {"aws:ResourceTag/fine-tune-slm-stack": {"Ref": "AWS::StackName"}}}
    assert allowed["states:DescribeExecution"]["Resource"]["Fn::Sub"].endswith(":execution:fine-tune-slm-${Stage}:*")
    assert allowed["dynamodb:UpdateItem"]["Resource"] == {"Fn::GetAtt": ["LeaseTable", "Arn"]}
    assert allowed["sns:Publish"]["Resource"] == TOPIC
    assert [action for action, one in allowed.items() if one["Resource"] == "*"] == ["ec2:DescribeInstances"]


def test_the_reaper_hears_of_this_machines_executions_that_did_not_succeed(translated):
    (rule,) = _of_type(translated, "AWS::Events::Rule").values()
    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["ABORTED", "TIMED_OUT", "FAILED"], "stateMachineArn": [{"Ref": "FineTuneStateMachine"}]},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": "ReapRunFunctionAliaslive"}


def test_the_sweeper_runs_often_enough_for_what_it_promises(translated):
    schedule = _of_type(translated, "AWS::Scheduler::Schedule")["SweepInstancesFunctionEveryTenMinutes"]
    minutes = int(re.fullmatch(r"rate\((\d+) minutes\)", schedule["ScheduleExpression"])[1])
    assert schedule.get("State", "ENABLED") == "ENABLED"
    assert timedelta(minutes=minutes) <= decisions.FORCE_AFTER
    assert ALARMS["SweeperMissingAlarm"]["Period"] >= 2 * 60 * minutes


def test_no_event_waits_longer_than_an_hour_and_none_is_lost_silently(translated):
    (rule,) = _of_type(translated, "AWS::Events::Rule").values()
    sweep = _of_type(translated, "AWS::Scheduler::Schedule")["SweepInstancesFunctionEveryTenMinutes"]
    start = _of_type(translated, "AWS::Scheduler::Schedule")["FineTuneStateMachineSchedule"]
    for target in (rule["Targets"][0], sweep["Target"], start["Target"]):
        assert target["DeadLetterConfig"] == {"Arn": QUEUE_ARN}
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185}
    configs = _of_type(translated, "AWS::Lambda::EventInvokeConfig")
    assert {one["FunctionName"]["Ref"] for one in configs.values()} == {f"{name}Function" for name in OUTSIDE}
    for config in configs.values():
        assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 3600)
        assert config["DestinationConfig"]["OnFailure"]["Destination"] == QUEUE_ARN


def test_everyone_who_must_write_to_the_failure_queue_may(translated):
    roles = _of_type(translated, "AWS::IAM::Role")
    writers = {name for name, role in roles.items() if "sqs:SendMessage" in json.dumps(role.get("Policies", []))}
    assert writers == {
        "ReapRunFunctionRole",
        "SweepInstancesFunctionRole",
        "SweepInstancesFunctionEveryTenMinutesRole",
        "FineTuneStateMachineScheduleRole",
    }
    (statement,) = RESOURCES["FailureQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (rule,) = (name for name, one in translated["Resources"].items() if one["Type"] == "AWS::Events::Rule")
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == {"Fn::GetAtt": [rule, "Arn"]}


def test_the_failure_queue_is_encrypted_and_keeps_for_two_weeks():
    queue = RESOURCES["FailureQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_every_alarm_tells_the_topic_and_names_its_page():
    assert len(ALARMS) >= 4
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == [TOPIC], name
        anchor = alarm["AlarmName"]["Fn::Sub"].removeprefix("fine-tune-slm-${Stage}-")
        assert alarm["AlarmDescription"].endswith(f"docs/runbook.md#{anchor}"), name


def test_only_the_sweepers_absence_is_an_alarm_by_itself():
    breaching = {name for name, one in ALARMS.items() if one["TreatMissingData"] == "breaching"}
    assert breaching == {"SweeperMissingAlarm"}


def test_the_sweepers_alarms_count_this_stack_alone():
    service = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    for name in ("SweeperMissingAlarm", "InstanceOverdueAlarm"):
        assert ALARMS[name]["Dimensions"] == [{"Name": "service", "Value": service}]
        assert f'name="{ALARMS[name]["MetricName"]}"' in (ROOT / "lambdas" / "sweep_instances.py").read_text()
    assert service == {"Ref": "AWS::StackName"}


def test_aborted_and_timed_out_executions_count_as_failed():
    metrics = [one for one in ALARMS["ExecutionFailedAlarm"]["Metrics"] if "MetricStat" in one]
    assert {one["MetricStat"]["Metric"]["MetricName"] for one in metrics} == {
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
    }
    expression = ALARMS["ExecutionFailedAlarm"]["Metrics"][0]["Expression"]
    assert all(f"FILL({one['Id']}, 0)" in expression for one in metrics)


def test_somebody_is_subscribed_only_when_an_address_is_given():
    assert RESOURCES["AlertSubscription"]["Condition"] == "HasAlertEmail"
    assert TEMPLATE["Parameters"]["AlertEmail"]["Default"] == ""


def test_the_host_gets_the_guard_that_was_tested_byte_for_byte():
    text = USER_DATA.split("<<'GUARD'\n")[1].split("GUARD\n")[0]
    assert text == (ROOT / "host" / "guard.py").read_text(encoding="utf-8")
    assert "cat >/usr/local/sbin/fine-tune-slm-guard <<'GUARD'" in USER_DATA


def test_the_guard_is_on_watch_before_anything_of_the_first_boot_can_fail():
    switched_on = USER_DATA.index("systemctl enable --now fine-tune-slm-guard.timer")
    assert USER_DATA.index("trap 'shutdown -h +1' EXIT") < switched_on
    assert switched_on < USER_DATA.index("mount-checkpoints")


def test_the_guard_looks_every_minute_from_every_boot_on():
    timer = _unit("/etc/systemd/system/fine-tune-slm-guard.timer")
    assert {"OnBootSec=1min", "OnUnitActiveSec=1min", "WantedBy=timers.target"} <= set(timer.splitlines())
    service = _unit("/etc/systemd/system/fine-tune-slm-guard.service")
    assert "ExecStart=/usr/local/sbin/fine-tune-slm-guard" in service.splitlines()
    assert "Environment=FINE_TUNE_SLM_VOLUME=/mnt/checkpoints" in service.splitlines()


def test_the_user_data_fits_into_what_ec2_takes():
    assert len(textwrap.dedent(USER_DATA).encode()) < 16 * 1024


def test_the_host_gives_signs_of_life_where_no_container_does():
    document = RESOURCES["CommandDocument"]["Properties"]["Content"]
    script = document["mainSteps"][0]["inputs"]["runCommand"][-1]
    assert 'touch "$VOLUME/heartbeat"' in script
    before, after = script.split("  pull_image ||")
    assert before.rstrip().endswith("beat")
    assert after.splitlines()[1].strip() == "beat"
    assert re.search(r"probe\)\s+beat\n", script)
