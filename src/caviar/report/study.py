"""A study in the terminal: its heading, its progress as a picture or a line, its trials; the list of all studies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from caviar.records import StudyKind, Trial, TrialState, Value
from caviar.records.metrics import TASK_METRICS, metric_name
from caviar.records.result import BestTrial
from caviar.report.bars import bar
from caviar.report.text import config_text, counted, duration, number, score_text, visible
from caviar.views.study import Running, StudyHead, StudyRow

_BAR, _LEAST_BAR = 32, 8
_ANY_WIDTH = 10_000  # letters; wider than any table
_CONFIG = 40  # letters of a line that are enough for a config to be read
_BESIDE = 48  # letters beside the longest bar: the name of the phase, and the time that is left
_GONE = "its process has ended; caviar resume goes on with it"


def heading(head: StudyHead) -> Text:
    """The task of a study: its data or its program, and the threads that train."""
    study, table = head.record, head.table
    threads = int(study.environment.get("threads", 1))
    if table is None:
        tasks = {
            StudyKind.PROGRAM: visible((study.spec.program and study.spec.program.command) or ""),
            StudyKind.FUNCTION: "a function",
            StudyKind.ASKED: "trained by your own program",
        }
        task = tasks.get(study.spec.kind, "your own network")
        epochs = f", up to {counted(head.rungs[-1], 'epoch')} each" if head.rungs else ""
        return Text.assemble((study.name, "bold"), f": {task}; {threads} at once{epochs}, seed {study.seed}.")
    classes = counted(table.classes, "class", "classes") if table.classes else "a number to predict"
    if table.targets:
        classes = f"{table.targets} targets"
    return Text.assemble(
        (study.name, "bold"),
        f": {counted(table.rows, 'row')}, {counted(table.features, 'feature')}, {classes}; "
        f"{table.train:,} to train, {table.validation:,} to validate, {table.test:,} sealed. "
        f"Seed {study.seed}, {counted(threads, 'thread')}, {study.environment.get('instruction_set', '')}.",
    )


def notes(head: StudyHead) -> list[Text]:
    """The notes of a study, a paragraph each."""
    return [Text(f"note: {visible(note)}") for note in head.notes]


def picture(running: Running, width: int = 100) -> Group:
    """The live display: time, the best so far, the trials by state, and the ladder of rungs."""
    wide = max(min(_BAR, width - _BESIDE), _LEAST_BAR)
    head, progress = running.head, running.progress
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    grid.add_row(progress.phase, _time(running, wide))
    grid.add_row("best", _best(running))
    if progress.best is not None:
        grid.add_row("", Text(config_text(head.searched(progress.best.config)), style="dim"))
    grid.add_row("trials", _trials(running))
    if progress.helpers:
        grid.add_row("helpers", f"{progress.helpers} more, by caviar work")
    most = max(progress.reached, default=0) or 1
    for rung, (epoch, reached) in enumerate(zip(head.rungs, progress.reached, strict=False)):
        line = Text.assemble(f"{epoch:>3} ", bar(reached, most, wide), f" {reached:,}")
        grid.add_row("epochs" if rung == 0 else "", line)
    if progress.note:
        grid.add_row("note", Text(visible(" ".join(progress.note.split())), style="yellow"))
    if not running.alive:
        grid.add_row("note", Text(_GONE, style="yellow"))
    return Group(Padding(grid, (1, 0, 0, 0), expand=False))


def line(running: Running) -> str:
    """The same as one line for a log."""
    progress = running.progress
    parts = [f"{running.seconds:.0f} s", progress.phase, _trials(running).plain, _best(running).plain]
    if progress.helpers:
        parts.append(counted(progress.helpers, "helper"))
    if not running.alive:
        parts.append(_GONE)
    if progress.note:
        parts.append(visible(" ".join(progress.note.split())))
    return " | ".join(parts)


@dataclass(frozen=True)
class ByWidth:
    """A table where there is room for it, and paragraphs where there is not; ``folds`` letters of a row may fold."""

    table: Table
    paragraphs: Callable[[], RenderableType]
    folds: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The form for the width that there is."""
        whole = Measurement.get(console, options.update_width(_ANY_WIDTH), self.table).maximum
        yield self.table if options.max_width >= whole - self.folds else self.paragraphs()


def studies_table(rows: Sequence[StudyRow]) -> RenderableType:
    """A row, or a paragraph, a study."""
    if not rows:
        return Text("no studies yet")
    return ByWidth(_studies_table(rows), lambda: Group(*map(_study_paragraph, rows)))


def _study_paragraph(row: StudyRow) -> Text:
    study, result = row.head.record, row.head.record.result
    lines = [f": {_state_of(row)}, {study.created[:16].replace('T', ' ')}"]
    counts = [counted(row.head.table.rows, "row")] if row.head.table else []
    counts.append(counted(sum(row.counts.values()), "trial"))
    if row.head.notes:
        counts.append(counted(len(row.head.notes), "note"))
    lines.append(", ".join(counts))
    if result:
        test = f", sealed test {score_text(study.metric, result.test)}" if result.test else ""
        lines.append(f"best: {_winner(result.best)}{test}")
    return Text.assemble((study.name, "bold"), "\n  ".join(lines))


def _state_of(row: StudyRow) -> str:
    return str(row.head.record.state) if row.alive else "its process is gone"


def _winner(best: BestTrial) -> str:
    """The winner of a study, and its score where there is no sealed test."""
    return f"trial {best.trial}" + ("" if best.score is None or best.test else f", {number(best.score)}")


def _studies_table(rows: Sequence[StudyRow]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("study", "state", "created", "rows", "trials", "notes", "best", "sealed test"):
        table.add_column(title, justify="right" if title in ("rows", "trials", "notes") else "left")
    for row in rows:
        study, result = row.head.record, row.head.record.result
        table.add_row(
            Text(study.name),
            _state_of(row),
            study.created[:16].replace("T", " "),
            f"{row.head.table.rows if row.head.table else 0:,}",
            f"{sum(row.counts.values()):,}",
            f"{len(row.head.notes) or ''}",
            _winner(result.best) if result else "",
            score_text(study.metric, result.test) if result and result.test else "",
        )
    return table


def trials_table(
    metric: str, trials: Sequence[Trial], most: int, outside: Collection[int] = frozenset()
) -> RenderableType:
    """The first ``most`` of ``trials``, with the hyperparameters that differ between any of them.

    Those ``outside`` of today's space are marked.
    """
    if not trials:
        return Text("no trials yet")
    varied = {name for name, values in _values(trials).items() if len(values) > 1}
    marks = {trial.number: "; outside of today's space" for trial in trials if trial.number in outside}
    shown = [
        (trial, config_text({k: v for k, v in trial.config.items() if k in varied}) + marks.get(trial.number, ""))
        for trial in trials[:most]
    ]
    folds = max(max((cell_len(config) for _, config in shown), default=0) - _CONFIG, 0)
    table = ByWidth(_trials_table(metric, shown), lambda: Group(*_trial_paragraphs(metric, shown)), folds)
    left = len(trials[most:])
    return Group(table, *([Text(f"{left:,} more: --best N shows N, --csv and --json give all")] if left else []))


def _trial_paragraphs(metric: str, shown: Sequence[tuple[Trial, str]]) -> Iterator[RenderableType]:
    for trial, config in shown:
        parts = [f": {_state(trial)} after {counted(trial.epochs, 'epoch')}"]
        parts += [] if trial.score is None else [f"{metric_name(metric)} {trial.score:.4f}"]
        parts += [] if trial.validation_loss is None else [f"loss {trial.validation_loss:.4f}"]
        yield Text.assemble((f"trial {_number(trial)}", "bold"), ", ".join(parts))
        if config:
            yield Padding(Text(config, style="dim"), (0, 0, 0, 2), expand=False)


def _number(trial: Trial) -> str:
    return f"{trial.number}" + (f" again {trial.repeat}" if trial.repeat else "")


def _state(trial: Trial) -> str:
    return trial.state.replace("_", " ")


def _trials_table(metric: str, shown: Sequence[tuple[Trial, str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("trial", "state", "epochs", metric_name(metric), "loss", "config"):
        table.add_column(Text(title), justify="left" if title in ("state", "config") else "right", overflow="fold")
    for trial, config in shown:
        table.add_row(
            _number(trial),
            _state(trial),
            str(trial.epochs),
            "" if trial.score is None else f"{trial.score:.4f}",
            "" if trial.validation_loss is None else f"{trial.validation_loss:.4f}",
            Text(config),
        )
    return table


def _values(trials: Sequence[Trial]) -> dict[str, set[Value]]:
    """Every value that each hyperparameter has in some trial."""
    values: dict[str, set[Value]] = {}
    for trial in trials:
        for name, value in trial.config.items():
            values.setdefault(name, set()).add(value)
    return values


def _time(running: Running, wide: int) -> Text:
    spec, elapsed = running.head.record.spec, running.progress.elapsed
    if running.is_over or (spec.seconds is None and spec.trials is None):
        return Text(duration(running.seconds))
    if spec.seconds is not None:
        left = f"{duration(running.seconds_left or 0.0)} left of {duration(spec.seconds)}"
        return Text.assemble(bar(elapsed, spec.seconds, wide), f" {left}")
    done = f"trial {running.started:,} of {spec.trials:,}, {duration(running.seconds)}"
    return Text.assemble(bar(running.started, spec.trials or 0, wide), f" {done}")


def _best(running: Running) -> Text:
    best, study = running.progress.best, running.head.record
    if best is None or best.score is None:
        return Text("none yet")
    shown = f"{metric_name(study.metric)} {best.score:.4f}"
    where = f", trial {best.number}" + (f" after {counted(best.epochs, 'epoch')}" if best.epochs else "")
    if running.head.table is None:
        return Text.assemble((shown, "bold"), where)
    kind = "squared error" if study.metric in TASK_METRICS["regression"] else "log loss"
    loss = "" if study.metric == "log_loss" else f", {kind} {number(best.validation_loss or 0.0)}"
    return Text.assemble((shown, "bold"), f"{loss} on validation{where}")


def _trials(running: Running) -> Text:
    counts, pace = running.progress.counts, running.pace
    shown = (TrialState.STOPPED, TrialState.FINISHED, TrialState.DIVERGED)
    parts = [f"{counts.get(state, 0):,} {state}" for state in shown]
    failed = counts.get(TrialState.FAILED, 0) + counts.get(TrialState.OUT_OF_MEMORY, 0)
    if failed:
        parts.append(f"{failed:,} failed")
    if counts.get(TrialState.INFEASIBLE, 0):
        parts.append(f"{counts[TrialState.INFEASIBLE]:,} infeasible")
    shown_pace = f"{pace:,.0f} a second" if pace >= 1 else f"{60 * pace:,.0f} a minute"
    return Text(f"{running.started:,} started ({shown_pace}), {', '.join(parts)}")
