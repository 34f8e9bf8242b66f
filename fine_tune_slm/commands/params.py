"""`fine-tune-slm params`: the settings in Parameter Store."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import (
    AsJson,
    EndpointUrl,
    ParameterRoot,
    Profile,
    Region,
    StackName,
    StageOfAccount,
    account_of_stage,
    gathers,
)
from fine_tune_slm.commands.verbs import Verbs
from fine_tune_slm.naming import DEFAULT_STAGE
from fine_tune_slm.naming import parameter_root as root_of
from fine_tune_slm.naming import stack_name as stack_of

app = typer.Typer(
    cls=Verbs, help="The settings in Parameter Store.", no_args_is_help=True, pretty_exceptions_enable=False
)

if TYPE_CHECKING:
    from fine_tune_slm.aws import AwsTarget


@app.command("init")
@gathers(account=account_of_stage)
def init(
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="CATEGORY.KEY=VALUE", help="Value of one setting; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing values by those of --set, or else by the defaults.")
    ] = False,
    *,
    account: AwsTarget,
    as_json: AsJson = False,
) -> None:
    """Create every parameter that config/aws_config.yml names and that is yours to give.

    Example: fine-tune-slm params init --dry-run --set hub.publish_repo=my-group/Llama-3.1-8B-clinical-extraction
    """
    from fine_tune_slm import parameters  # noqa: PLC0415
    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    specs = account.setting_specs(find_project())
    assigned = parameters.parse_assignments(assignments or [], specs)
    doing = "Checking" if dry_run else "Creating"
    print(f"{doing} {len(specs)} parameters under {account.parameter_root}", file=sys.stderr)
    with aws_refusals_explained():
        plan = parameters.init_parameters(account.client("ssm"), specs, assigned, overwrite=overwrite, dry_run=dry_run)
    if as_json:
        print(json.dumps({"is_dry_run": dry_run, "settings": [planned.as_json() for planned in plan]}))
    else:
        print(*(planned.line() for planned in plan), sep="\n")
    parameters.require_finished(plan, dry_run=dry_run)


@app.command("list")
@gathers(account=account_of_stage)
def list_parameters(
    *,
    account: AwsTarget,
    as_json: AsJson = False,
) -> None:
    """List every setting with its owner and its value.

    Example: fine-tune-slm params list --profile research
    """
    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.parameters import Setting, read_parameters  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    specs = account.setting_specs(find_project())
    with aws_refusals_explained():
        found = read_parameters(account.client("ssm"), [spec.ssm_param for spec in specs])
    settings = [Setting(spec, found.get(spec.ssm_param)) for spec in specs]
    if as_json:
        print(json.dumps({"settings": [setting.as_json() for setting in settings]}))
    else:
        print(*(setting.line() for setting in settings), sep="\n")


@app.command("check")
def check(
    stage: StageOfAccount = DEFAULT_STAGE,
    stack_name: StackName = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    parameter_root: ParameterRoot = None,
    as_json: AsJson = False,
) -> None:
    """Say whether every setting is there, well formed, and what the deployed stack says.

    Example: fine-tune-slm params check
    """
    from fine_tune_slm.aws import aws_refusals_explained, target  # noqa: PLC0415
    from fine_tune_slm.deployed_stack import DeployedStack  # noqa: PLC0415
    from fine_tune_slm.errors import ParametersWrongError  # noqa: PLC0415
    from fine_tune_slm.parameter_check import parameter_problems  # noqa: PLC0415
    from fine_tune_slm.parameters import read_parameters  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    account = target(profile, region, endpoint_url, parameter_root or root_of(stage))
    specs = account.setting_specs(find_project())
    with aws_refusals_explained():
        stored = read_parameters(account.client("ssm"), [spec.ssm_param for spec in specs])
        found = parameter_problems(specs, stored, DeployedStack(stack_name or stack_of(stage), account).outputs)
    if as_json:
        print(json.dumps({"settings": len(specs), "problems": [dataclasses.asdict(problem) for problem in found]}))
    elif found:
        print(*(f"{problem.told}. {problem.remedy}" for problem in found), sep="\n")
    else:
        print(f"All {len(specs)} settings are there, well formed, and agree with the stack.")
    if found:
        raise ParametersWrongError(f"{len(found)} of {len(specs)} settings are not right")


@app.command("set")
@gathers(account=account_of_stage)
def set_one(
    name: Annotated[str, typer.Argument(metavar="CATEGORY.KEY", help="The setting, as in config/aws_config.yml.")],
    value: Annotated[str, typer.Argument(help="Its new value.")],
    *,
    account: AwsTarget,
    as_json: AsJson = False,
) -> None:
    """Change one setting, after checking its value; the template's own are changed by a deployment.

    Example: fine-tune-slm params set instance.allowed_types g6.2xlarge,g6.4xlarge
    """
    from slm_core.prices import load_prices  # noqa: PLC0415

    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.parameter_setting import set_parameter  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    project = find_project()
    prices = load_prices(project / "config" / "prices.yml")
    with aws_refusals_explained():
        change = set_parameter(account.client("ssm"), account.setting_specs(project), prices, name, value)
    print(json.dumps(dataclasses.asdict(change)) if as_json else change.line())


@app.command("stages")
def stages(
    profile: Profile = None, region: Region = None, endpoint_url: EndpointUrl = None, as_json: AsJson = False
) -> None:
    """List the stages in this account and region: the root of each one's settings, and its bucket.

    Example: fine-tune-slm params stages --region us-east-1
    """
    from slm_core.settings import DEFAULT_ROOT, load_setting_specs  # noqa: PLC0415

    from fine_tune_slm.aws import CONFIG_FILE, aws_refusals_explained, target  # noqa: PLC0415
    from fine_tune_slm.parameter_setting import find_stages  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    account = target(profile, region, endpoint_url)
    specs = load_setting_specs(find_project() / CONFIG_FILE, DEFAULT_ROOT)
    with aws_refusals_explained():
        found = find_stages(account.client("ssm"), specs)
    if as_json:
        print(json.dumps({"stages": [dataclasses.asdict(stage) for stage in found]}))
    elif found:
        print(*(f"{stage.root}  bucket {stage.bucket or '(absent)'}" for stage in found), sep="\n")
    else:
        print("No stage has been deployed in this account and region.")
