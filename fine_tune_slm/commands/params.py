"""`fine-tune-slm params`: the settings in Parameter Store."""

from __future__ import annotations

from typing import Annotated

import typer

from fine_tune_slm.commands.options import DEFAULT_PARAMETER_ROOT, EndpointUrl, ParameterRoot, Profile, Region

app = typer.Typer(help="The settings in Parameter Store.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.command("init")
def init(
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="CATEGORY.KEY=VALUE", help="Value of one setting; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing values by those of --set, or else by the defaults.")
    ] = False,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    parameter_root: ParameterRoot = DEFAULT_PARAMETER_ROOT,
) -> None:
    """Create every parameter that config/aws_config.yml names and that is yours to give.

    Example: fine-tune-slm params init --dry-run --set hub.publish_repo=my-group/Llama-3.1-8B-clinical-extraction
    """
    from loguru import logger  # noqa: PLC0415

    from fine_tune_slm import parameters  # noqa: PLC0415
    from fine_tune_slm.aws import aws_refusals_explained, target  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    account = target(profile, region, endpoint_url, parameter_root)
    specs = account.setting_specs(find_project())
    assigned = parameters.parse_assignments(assignments or [], specs)
    logger.info("{} {} parameters under {}", "checking" if dry_run else "creating", len(specs), parameter_root)
    with aws_refusals_explained():
        plan = parameters.init_parameters(account.client("ssm"), specs, assigned, overwrite=overwrite, dry_run=dry_run)
    for planned in plan:
        print(planned.line())
    parameters.require_finished(plan, dry_run=dry_run)


@app.command("list")
def list_parameters(
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    parameter_root: ParameterRoot = DEFAULT_PARAMETER_ROOT,
) -> None:
    """List every setting with its owner and its value.

    Example: fine-tune-slm params list --profile research
    """
    from fine_tune_slm.aws import aws_refusals_explained, target  # noqa: PLC0415
    from fine_tune_slm.parameters import read_parameters  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    account = target(profile, region, endpoint_url, parameter_root)
    specs = account.setting_specs(find_project())
    with aws_refusals_explained():
        found = read_parameters(account.client("ssm"), [spec.ssm_param for spec in specs])
    for spec in specs:
        value = found.get(spec.ssm_param) or (f"(default) {spec.default}" if spec.default else "(absent)")
        print(f"{spec.ssm_param}  owner {spec.owner}  {value}")
