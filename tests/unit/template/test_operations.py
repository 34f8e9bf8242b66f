"""What the template gives to whoever operates the stack: parameters, logs, dashboard, sessions, GitHub, next steps."""

import json
import re

import pytest

from tests.unit.template.test_template import ROOT, TEMPLATE, _of_type

PARAMETERS = TEMPLATE["Parameters"]
RESOURCES = TEMPLATE["Resources"]
OUTPUTS = TEMPLATE["Outputs"]
WIDGETS = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]
GITHUB = RESOURCES["GitHubRole"]["Properties"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_says_what_it_is_for_and_what_it_may_be(name):
    parameter = PARAMETERS[name]
    assert len(parameter["Description"]) > 20
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys()


@pytest.mark.parametrize("name", [name for name, one in PARAMETERS.items() if "AllowedPattern" in one])
def test_a_default_fits_its_own_pattern(name):
    parameter = PARAMETERS[name]
    assert "Default" not in parameter or re.search(parameter["AllowedPattern"], str(parameter["Default"]))


def test_the_console_shows_every_parameter_in_one_group():
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(PARAMETERS)


@pytest.mark.parametrize(
    "expression", ["cron(0 3 ? * SUN *)", "cron(0 2 1 * ? *)", "rate(7 days)", "cron(0/30 8-18 ? * MON-FRI *)"]
)
def test_a_schedule_may_be_any_cron_or_rate(expression):
    assert re.search(PARAMETERS["ScheduleExpression"]["AllowedPattern"], expression)


def test_every_log_group_takes_the_key_when_one_is_given():
    key = {"Fn::If": ["HasLogKey", {"Ref": "LogKmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    assert {
        name for name, one in _of_type(TEMPLATE, "AWS::Logs::LogGroup").items() if one.get("KmsKeyId") != key
    } == set()


def _metrics(widget):
    """Return (namespace, name) of a widget's metrics, dots resolved."""
    namespace, found = None, set()
    for metric in widget["properties"].get("metrics", []):
        if isinstance(metric[0], dict):
            found.add(("FineTuneSlm", re.search(r'MetricName="(\w+)"', metric[0]["expression"])[1]))
            continue
        namespace = namespace if metric[0] == "." else metric[0]
        found.add((namespace, metric[1]))
    return found


def test_the_dashboard_shows_states_duration_progress_scores_minutes_and_cost():
    shown = set().union(*(_metrics(widget) for widget in WIDGETS))
    assert shown >= {
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionTime"),
        ("FineTuneSlm", "StepDone"),
        ("FineTuneSlm", "TrainingProgressPercent"),
        ("FineTuneSlm", "MacroF1"),
        ("FineTuneSlm", "GpuMinutesBilled"),
        ("FineTuneSlm", "CostUsd"),
    }


def test_every_metric_of_ours_on_the_dashboard_is_emitted_by_somebody():
    own = {name for widget in WIDGETS for namespace, name in _metrics(widget) if namespace == "FineTuneSlm"}
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "core" / "slm_core").glob("*.py"))
    assert [name for name in own if f'"{name}"' not in sources] == []


def test_the_dashboard_shows_every_alarm_and_its_widgets_do_not_overlap():
    (alarms,) = (widget["properties"]["alarms"] for widget in WIDGETS if widget["type"] == "alarm")
    assert {re.sub(r"[${}]|\.Arn", "", one) for one in alarms} == set(_of_type(TEMPLATE, "AWS::CloudWatch::Alarm"))
    cells = [
        (x, y)
        for one in WIDGETS
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_a_session_on_the_host_is_logged_to_a_group_that_the_host_may_write():
    content = RESOURCES["SessionDocument"]["Properties"]["Content"]
    assert content["inputs"]["cloudWatchLogGroupName"] == {"Ref": "SessionLogGroup"}
    assert content["inputs"]["cloudWatchStreamingEnabled"] is True
    statements = RESOURCES["InstanceRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (writes,) = (one["Resource"] for one in statements if "logs:PutLogEvents" in one["Action"])
    assert {"Fn::GetAtt": ["SessionLogGroup", "Arn"]} in writes


def test_github_gets_a_role_only_for_the_repositorys_jobs_in_the_stages_environment():
    assert RESOURCES["GitHubRole"]["Condition"] == "HasGitHub"
    assert PARAMETERS["GitHubRepository"]["Default"] == ""
    (statement,) = GITHUB["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    claims = statement["Condition"]["StringEquals"]
    assert claims["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    subject = claims["token.actions.githubusercontent.com:sub"]["Fn::Sub"]
    assert subject == "repo:${GitHubRepository}:environment:${Stage}"


def test_github_pushes_images_to_one_repository_and_names_them_and_no_more():
    (policy,) = GITHUB["Policies"]
    resources = {one["Sid"]: one["Resource"] for one in policy["PolicyDocument"]["Statement"]}
    assert resources["PushImage"] == {"Fn::GetAtt": ["Repository", "Arn"]}
    assert resources["NameImage"]["Fn::Sub"].endswith(":parameter${ParameterRoot}/${Stage}/image/*")
    assert [sid for sid, resource in resources.items() if resource == "*"] == ["LogInToRegistry"]


def test_github_deploys_only_where_a_role_is_lent_and_through_cloudformation_alone():
    assert RESOURCES["GitHubDeployPolicy"]["Condition"] == "GitHubDeploys"
    statements = RESOURCES["GitHubDeployPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    lent = next(one for one in statements if one["Action"] == "iam:PassRole")
    assert lent["Resource"] == {"Ref": "CloudFormationRoleArn"}
    assert lent["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    assert "*" not in [one["Resource"] for one in statements]


def test_the_identity_provider_is_made_only_when_none_is_given():
    made = TEMPLATE["Conditions"]["MakesOidcProvider"]["Fn::And"]
    assert made[1] == {"Fn::Equals": [{"Ref": "GitHubOidcProviderArn"}, ""]}
    assert RESOURCES["GitHubOidcProvider"]["Condition"] == "MakesOidcProvider"


def test_the_outputs_say_what_to_do_next_in_order():
    steps = sorted(name for name in OUTPUTS if name.startswith("Step"))
    assert [name[:5] for name in steps] == [f"Step{number}" for number in range(1, 6)]
    assert OUTPUTS["Step5StartRun"]["Value"]["Fn::Sub"] == "fine-tune-slm start --stage ${Stage} --watch"
    assert OUTPUTS["DeleteStage"]["Value"]["Fn::Sub"] == "fine-tune-slm delete --stage ${Stage}"


def test_what_is_pushed_is_scanned_kept_unchanged_and_goes_with_the_repository():
    repository = RESOURCES["Repository"]["Properties"]
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["EmptyOnDelete"] is True
    assert json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]


def test_the_bucket_is_private_encrypted_versioned_and_forgets_what_is_old():
    bucket = RESOURCES["Bucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["staging-is-temporary"]["ExpirationInDays"] == 30
    assert rules["old-versions-go"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    (statement,) = RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
