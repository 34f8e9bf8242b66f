"""`fine-tune-slm rollback`: the Hub's main back to an earlier release."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from fine_tune_slm.commands.options import DEFAULT_ROOT, AsJson, Root, account_of_stage, gathers

if TYPE_CHECKING:
    from fine_tune_slm.aws import AwsTarget
    from fine_tune_slm.rollback import Published

REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


@gathers(account=account_of_stage)
def rollback(
    repo: Annotated[
        str | None, typer.Option(help="Repository on the Hub; by default the stack's publish_repo.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="RUN", help="Run whose release main is to hold again.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    run: Annotated[
        str | None,
        typer.Option(
            help="Roll back the Hub that this rehearsal kept: its run id, or latest, the newest that has made a model."
        ),
    ] = None,
    hub_endpoint: Annotated[
        str, typer.Option(envvar="HF_ENDPOINT", help="The Hub of the stack.")
    ] = "https://huggingface.co",
    *,
    account: AwsTarget,
    root: Root = DEFAULT_ROOT,
    as_json: AsJson = False,
) -> None:
    """Return the Hub's main to the release before the current one, in one commit that is verified by hashes.

    The token comes from HF_TOKEN, otherwise from the stack's secret. The next run's gate compares with what main holds
    then.

    Example: fine-tune-slm rollback --dry-run
    """
    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.kept_runs import KeptRuns  # noqa: PLC0415
    from fine_tune_slm.rollback import published_by_rehearsal  # noqa: PLC0415

    if repo is not None and not REPO_ID.fullmatch(repo):
        raise typer.BadParameter("--repo takes NAMESPACE/NAME")
    with contextlib.ExitStack() as resources:
        resources.enter_context(aws_refusals_explained())
        if run is not None:
            published = resources.enter_context(published_by_rehearsal(KeptRuns(root).find_model(run), repo))
        else:
            published = _published_by_stack(account, hub_endpoint, repo)
        commit = _roll_back(published, to, dry_run=dry_run, yes=yes, out=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps({"repository": published.repository.repo_id, "commit": commit}))


def _published_by_stack(account: AwsTarget, hub_endpoint: str, repo: str | None) -> Published:
    from fine_tune_slm.project import find_project  # noqa: PLC0415
    from fine_tune_slm.rollback import published_from  # noqa: PLC0415

    return published_from(account, account.setting_specs(find_project()), hub_endpoint, repo)


def _roll_back(published: Published, to: str | None, *, dry_run: bool, yes: bool, out: TextIO) -> str | None:
    """Return the commit that main is now; None for a dry run."""
    from fine_tune_slm.rollback import plan_rollback, roll_back  # noqa: PLC0415

    plan = plan_rollback(published, to)
    print(f"repository  {published.repository.repo_id}", *plan.lines(), sep="\n", file=out)
    if dry_run:
        print("Nothing was changed.", file=out)
        return None
    _require_consent(yes=yes)
    commit = roll_back(published, plan)
    print(f"main is {commit}; the next run is compared with {plan.wanted.run_id}.", file=out)
    return commit


def _require_consent(*, yes: bool) -> None:
    from fine_tune_slm.errors import ArgumentInvalidError  # noqa: PLC0415

    if yes:
        return
    if not sys.stdin.isatty():
        raise ArgumentInvalidError("Nobody can be asked without a terminal: add --yes")
    typer.confirm("Roll back?", abort=True, err=True)
