"""Shows an execution while it runs: a line for each state, and the training's progress as a bar or as plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text
from slm_core.records import Phase, Progress

from fine_tune_slm.desk.outlook import Outlook
from fine_tune_slm.timeline import StateVisit, Timeline
from fine_tune_slm.wording import PHASES, duration, progress_detail

PLAIN_SECONDS = 10.0
"""Without a terminal, progress is a line at most this often, and at every checkpoint and phase."""
QUIET_PHASES = {Phase.DONE}


class StateNarrator:
    """Turns visits into lines; the turns of a poll loop become one line when the loop ends."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._polls: list[StateVisit] = []
        self._entered: set[int] = set()
        self._left: set[int] = set()

    def lines(self, visits: list[StateVisit]) -> list[str]:
        """Return the lines that new or changed visits deserve, with rich's markup."""
        return [line for visit in visits for line in self._lines_of(visit)]

    def _lines_of(self, visit: StateVisit) -> list[str]:
        if self._timeline.is_poll_repeat(visit):
            if not any(known is visit for known in self._polls):
                self._polls.append(visit)
            return []
        lines = []
        if id(visit) not in self._entered:
            self._entered.add(id(visit))
            lines += self._poll_summary()
            if visit.kind == "Task" or visit.left_at is None:
                lines.append(_stamp(visit.entered_at, f"[cyan]>[/] {visit.name}"))
        if visit.left_at is not None and id(visit) not in self._left:
            self._left.add(id(visit))
            lines.append(_left_line(visit))
        return lines

    def _poll_summary(self) -> list[str]:
        polls, self._polls = self._polls, []
        if not polls:
            return []
        names = list(dict.fromkeys(visit.name for visit in polls))
        turns = max(sum(visit.name == name for visit in polls) for name in names)
        length = sum(visit.seconds or 0.0 for visit in polls)
        end = polls[-1].left_at or polls[-1].entered_at
        return [_stamp(end, f"[dim]= {_times(turns)} {', '.join(names)}  {duration(length)}[/]")]


def _times(count: int) -> str:
    return "once more" if count == 1 else f"{count} more times"


def _left_line(visit: StateVisit) -> str:
    assert visit.left_at is not None  # noqa: S101 - the caller has looked
    tries = f", {visit.attempts} attempts" if visit.attempts > 1 else ""
    if visit.error:
        return _stamp(visit.left_at, f"[red]! {visit.name}  {duration(visit.seconds)}{tries}: {escape(visit.error)}[/]")
    return _stamp(visit.left_at, f"[green]<[/] {visit.name}  {duration(visit.seconds)}{tries}")


def _stamp(when: object, text: str) -> str:
    return f"[dim]{when:%H:%M:%S}[/]  {text}"


class LiveView:
    """The live view of one execution; a context manager, so that the terminal is left in order."""

    def __init__(self, console: Console, timeline: Timeline, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._narrator = StateNarrator(timeline)
        self._clock = clock
        self._bar = _Bar(console) if console.is_terminal else None
        self._shown: Progress | None = None
        self._shown_at = clock()

    def __enter__(self) -> LiveView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def say(self, text: str) -> None:
        """Print one line above the progress bar."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def states(self, visits: list[StateVisit]) -> None:
        """Show states that were entered or left."""
        for line in self._narrator.lines(visits):
            self.say(line)

    def progress(self, progress: Progress | None, outlook: Outlook | None = None) -> None:
        """Show what the training process last reported, and what is left."""
        if progress is None or progress.phase in QUIET_PHASES or progress == self._shown:
            return
        if self._bar is not None:
            self._bar.show(progress, outlook)
            self._shown = progress
        elif self._is_due(progress):
            parts = (PHASES[progress.phase], progress_detail(progress), str(outlook or ""))
            self.say(f"          {'  '.join(part for part in parts if part)}")
            self._shown, self._shown_at = progress, self._clock()

    def _is_due(self, progress: Progress) -> bool:
        shown = self._shown
        if shown is None or shown.phase is not progress.phase or shown.checkpoint_step != progress.checkpoint_step:
            return True
        return shown.step != progress.step and self._clock() - self._shown_at >= PLAIN_SECONDS


class _BarsWithOutlook(Bars):
    """A bar, and below it a line that says what is left."""

    outlook = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.outlook:
            yield Text(f"  {self.outlook}", style="dim")


class _Bar:
    """One progress bar that is renamed with each phase."""

    def __init__(self, console: Console) -> None:
        self._bars = _BarsWithOutlook(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[detail]}"),
            console=console,
        )
        self._task: TaskID | None = None
        self._phase: Phase | None = None

    def show(self, progress: Progress, outlook: Outlook | None) -> None:
        self._bars.outlook = str(outlook or "")
        if self._phase is not progress.phase:
            self._begin(progress.phase)
        assert self._task is not None  # noqa: S101 - _begin has made it
        self._bars.update(
            self._task, completed=progress.step, total=progress.total_steps or None, detail=progress_detail(progress)
        )

    def _begin(self, phase: Phase) -> None:
        self._phase = phase
        self._bars.start()
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(PHASES[phase], total=None, detail="")

    def close(self) -> None:
        self._bars.stop()
