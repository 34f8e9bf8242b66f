"""`fine-tune-slm compare`: two runs beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fine_tune_slm.commands.options import AsJson, ModelRunId, gathers, whereabouts

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts


@gathers(where=whereabouts)
def compare(
    first: ModelRunId,
    second: ModelRunId,
    *,
    where: Whereabouts,
    as_json: AsJson = False,
) -> None:
    """Show in what two runs were configured differently, and how much better the second one scores.

    Where both were measured on the same notes, differences are paired and have a 95 % interval.

    Example: fine-tune-slm compare rehearsal-20261122-175734-57e4 latest
    """
    from rich.console import Console  # noqa: PLC0415

    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.desk.comparison import compare_runs, read_compared  # noqa: PLC0415
    from fine_tune_slm.desk.comparison_view import show_comparison  # noqa: PLC0415
    from fine_tune_slm.desk.place import find_place  # noqa: PLC0415

    with aws_refusals_explained():
        place = find_place(where)
        compared = compare_runs(*(read_compared(place.find_model(name)) for name in (first, second)))
    if as_json:
        print(compared.as_json())
    else:
        show_comparison(compared, Console(highlight=False))
