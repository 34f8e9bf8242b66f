"""`fine-tune-slm delete`: a stage's stack, and what outlives it if that is asked for."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import AsJson, EndpointUrl, Profile, Region, StackName
from fine_tune_slm.naming import stack_name as stack_of

if TYPE_CHECKING:
    from slm_core.prices import PriceTable

    from fine_tune_slm.deletion.deletion import Choice
    from fine_tune_slm.deletion.survey import Survey

# no default and no variable of the environment: what is deleted is named in the command
NamedStage = Annotated[str, typer.Option("--stage", help="Stage to delete.")]


def delete(
    stage: NamedStage,
    bucket: Annotated[
        bool, typer.Option("--bucket", help="Delete the bucket too: datasets, runs, all models.")
    ] = False,
    volume: Annotated[bool, typer.Option("--volume", help="Delete the checkpoint volume too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stack_name: StackName = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    as_json: AsJson = False,
) -> None:
    """Delete a stage: stack, instance, images, secrets, logs, settings; bucket and checkpoint volume only if asked.

    It refuses while an execution runs. Exit codes: 0 deleted, 1 AWS could not, 2 asked wrongly, 75 a run goes on.

    Example: fine-tune-slm delete --stage staging --volume
    """
    from fine_tune_slm.aws import aws_refusals_explained, target  # noqa: PLC0415
    from fine_tune_slm.deletion import deletion  # noqa: PLC0415
    from fine_tune_slm.deletion.survey import survey  # noqa: PLC0415

    prices = _prices()
    account, choice = target(profile, region, endpoint_url), deletion.Choice(bucket=bucket, volume=volume)
    out = sys.stderr if as_json else sys.stdout
    with aws_refusals_explained():
        found = survey(account, stack_name or stack_of(stage), stage, prices)
        deletion.require_idle(found)
        print(*_plan(found, choice), sep="\n", file=out)
        _require_consent(found, yes=yes)
        gone = []
        for part in deletion.delete(account, found, choice):
            print(f"deleted  {part}", file=out, flush=True)
            gone.append(part)
    if as_json:
        print(json.dumps(_document(found, choice, gone), indent=2))


def _prices() -> PriceTable:
    from slm_core.prices import load_prices  # noqa: PLC0415
    from slm_core.training_config import load_training_config  # noqa: PLC0415

    from fine_tune_slm.project import find_project  # noqa: PLC0415

    config = find_project() / "config"
    return load_prices(config / "prices.yml", load_training_config(config / "training_config.yml").prices)


def _plan(found: Survey, choice: Choice) -> list[str]:
    stack = "stack" if found.stack_id else "stack (gone already)"
    goes = [f"{stack} {found.stack_name}", f"{len(found.parameters)} settings in Parameter Store"]
    goes += [kept.line() for kept in found.kept if choice.takes(kept)]
    stays = [f"{kept.line()}; --{kept.kind} deletes it" for kept in found.kept if not choice.takes(kept)]
    return [*(f"goes     {line}" for line in goes), *(f"stays    {line}" for line in stays)]


def _require_consent(found: Survey, *, yes: bool) -> None:
    from fine_tune_slm.errors import ArgumentInvalidError  # noqa: PLC0415

    if yes:
        return
    if not sys.stdin.isatty():
        raise ArgumentInvalidError("Nobody can be asked without a terminal: add --yes")
    typer.confirm(f"Delete {found.stack_name}?", abort=True, err=True)


def _document(found: Survey, choice: Choice, gone: list[str]) -> dict[str, object]:
    stays = [
        {"kind": kept.kind, "name": kept.name, "size_gib": kept.size_gib, "usd_per_month": kept.usd_per_month}
        for kept in found.kept
        if not choice.takes(kept)
    ]
    return {"stack": found.stack_name, "deleted": gone, "stays": stays}
