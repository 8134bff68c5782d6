"""A running study, as a picture for the terminal or a line for a log; and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from caviar.records import Study, TrialState
from caviar.records.ranking import TASK_METRICS
from caviar.report.text import NO_LUCK, config_text, duration, main_score, metric_name, number
from caviar.study.loop import Begun, Progress, TunedProgram, TunedStudy

_BAR = 32
_FRONT = 4  # as many as two lines hold; the JSON has more


def heading(begun: Begun) -> Text:
    """What is being tuned, on what."""
    study, data, environment = begun.study, begun.study.data, begun.study.environment
    if not data:
        program = study.budget["program"]
        what = program["command"] or "a function"
        trained = f"{environment['threads']} at once, up to {begun.rungs[-1]} epochs each, seed {study.seed}."
        return Text.assemble((study.name, "bold"), f": {what}; {trained}")
    classes = f"{data['classes']} classes" if data.get("classes") else "a number to predict"
    return Text.assemble(
        (study.name, "bold"),
        f": {data['rows']:,} rows, {data['features']:,} features, {classes}; "
        f"{data['train']:,} to train, {data['validation']:,} to validate, {data['test']:,} sealed. "
        f"Seed {study.seed}, {environment['threads']} threads, {environment['instruction_set']}.",
    )


def picture(begun: Begun, progress: Progress) -> Group:
    """The live display: time, the best so far, what became of the trials, and the ladder of rungs."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    grid.add_row(progress.phase, _time(begun.study, progress))
    grid.add_row("best", _best(begun.study, progress))
    if progress.best is not None:
        fixed = {name for name, table in begun.study.space.items() if "value" in table}
        searched = {name: value for name, value in progress.best.config.items() if name not in fixed}
        grid.add_row("", Text(config_text(searched), style="dim"))
    grid.add_row("trials", _trials(progress))
    if progress.helpers:
        grid.add_row("helpers", f"{progress.helpers} more, by caviar work")
    if progress.reached:
        most = max(progress.reached[0], 1)
        for rung, (epoch, reached) in enumerate(zip(begun.rungs, progress.reached, strict=True)):
            bar = ProgressBar(total=most, completed=reached, width=_BAR, finished_style="bar.complete")
            line = Table.grid(padding=(0, 1))
            line.add_row(Text(f"{epoch:>3}"), bar, Text(f"{reached:,}"))
            grid.add_row("epochs" if rung == 0 else "", line)
    if progress.note:
        grid.add_row("note", Text(progress.note, style="yellow"))
    return Group(Padding(grid, (1, 0, 0, 0)))


def line(begun: Begun, progress: Progress) -> str:
    """The same as one line for a log."""
    parts = [f"{progress.elapsed:.0f} s", progress.phase, _trials(progress).plain, _best(begun.study, progress).plain]
    if progress.helpers:
        parts.append(f"{progress.helpers} helper{'s' * (progress.helpers > 1)}")
    if progress.note:
        parts.append(" ".join(progress.note.split()))
    return " | ".join(parts)


def answer(result: TunedStudy) -> Group:
    """What was found, what it is worth, and where it is."""
    summary, best = result.summary, result.best
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    if best.test is not None:
        rest = f", {_errors(best.test)}, on {summary['data']['test']:,} rows, opened once"
        grid.add_row("sealed test", Text.assemble((f"{main_score(best.test, '95 %: ')}", "bold"), rest))
    first = f"{main_score(best.validation)}, {_errors(best.validation)}"
    grid.add_row("validation", f"{first}, {_repeats(best.repeated)}")
    if summary["finalists"] and best.repeated["when_chosen"] is not None:
        grid.add_row("when chosen", _flattery(best.repeated))
    facts = best.model.facts
    trained = f"trained on {facts['rows']:,} rows for {facts['epochs']} epochs"
    grid.add_row("network", f"{summary['best']['parameters']:,} parameters, {trained}")
    grid.add_row("config", Text(f"trial {best.trial}: {config_text(best.config)}"))
    if "ensemble" in summary:
        grid.add_row("ensemble", Text(_together(summary["ensemble"])))
    if len(summary["front"]) > 1:
        grid.add_row("front", Text(_front(summary["front"], best.repeated["metric"])))
    grid.add_row("trials", Text(_counts_text(summary["trials"])))
    grid.add_row("study", Text(f"{result.name} in {result.store}, {duration(summary['seconds'])}"))
    if summary["model"] is not None:
        grid.add_row("model", Text(summary["model"] + ", the ensemble" * ("ensemble" in summary)))
    return Group(Padding(grid, (1, 0, 0, 0)))


def _repeats(repeated: Mapping[str, Any]) -> str:
    """What a mean of repeats is the mean of."""
    if repeated["how"] == "not repeated":
        return "when it was chosen: there was no time to train it again"
    done, planned = len(repeated["scores"]), repeated["planned"]
    if "fold" in repeated["how"]:
        return f"the mean of a {repeated['how']}" + (f", {done} of its folds" if done < planned else "")
    return f"the mean of {done} repeat{'s' * (done > 1)} with fresh seeds"


def _flattery(repeated: Mapping[str, Any]) -> str:
    """How much luck there was in the score that the winner was chosen by, and in what interval the truth lies."""
    name, gap = metric_name(repeated["metric"]), repeated["gap"]
    luck = f"too {'good' if gap > 0 else 'modest'} by {abs(gap):.4f}" if abs(gap) >= NO_LUCK else "with no luck in it"
    mean = f"{repeated['mean']:.4f}"
    if repeated["low"] is not None and repeated["low"] < repeated["high"]:  # of equal scores it would promise too much
        mean += f" (95 %: {repeated['low']:.3f} to {repeated['high']:.3f})"
    unit = " (in standard deviations of the target)" if repeated["metric"] in ("rmse", "mae") else ""
    return f"{name} {repeated['when_chosen']:.4f}, {luck}: {mean} when trained again{unit}"


def _together(ensemble: Mapping[str, Any]) -> str:
    """An ensemble beside the single network."""
    count = ensemble["networks"]
    members = ", ".join(f"{number} ({share:.0%})" for number, share in ensemble["trials"].items())
    of = f"of {count} network{'s' * (count > 1)} from trials {members}"
    validation = main_score(ensemble["validation"])
    if ensemble["test"] is None:
        return f"{validation} on validation, {of}"
    return f"{main_score(ensemble['test'], '95 %: ')} on the sealed test, {validation} on validation, {of}"


def _front(front: Sequence[Mapping[str, Any]], metric: str) -> str:
    """The networks that none beats in score without more parameters, the best of them."""
    shown = ", ".join(f"{one[metric]:.4f} with {one['parameters']:,} (trial {one['trial']})" for one in front[:_FRONT])
    return f"{metric_name(metric)} on validation (smoothed) by parameters: {shown}"


def program_answer(result: TunedProgram) -> Group:
    """What was found for a program or a function."""
    summary, best = result.summary, result.best
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    told = summary["best"]
    how = f"the {'largest' if told['goal'] == 'maximize' else 'smallest'} of all: chosen for its luck, too"
    if told["repeated"] is not None:
        repeated = told["repeated"]
        how = f"when chosen; {number(repeated['mean'])} on average of {len(repeated['scores'])} more with fresh seeds"
    grid.add_row("score", Text.assemble((number(best.score or 0.0), "bold"), f" after {best.epochs} epochs, {how}"))
    grid.add_row("config", Text(f"trial {best.number}: {config_text(best.config)}"))
    if told["folder"] is not None:
        grid.add_row("folder", Text(told["folder"]))
    grid.add_row("trials", Text(_counts_text(summary["trials"])))
    grid.add_row("study", Text(f"{result.name} in {result.store}, {duration(summary['seconds'])}"))
    return Group(Padding(grid, (1, 0, 0, 0)))


def _errors(scores: Mapping[str, float]) -> str:
    """The scores beside the main one: the loss of classes, or the errors of numbers in their own units."""
    if "log_loss" in scores:
        return f"log loss {scores['log_loss']:.4f}"
    return f"RMSE {number(scores['rmse'])}, MAE {number(scores['mae'])}"


def _counts_text(trials: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {state}" for state, n in trials.items())


def _time(study: Study, progress: Progress) -> Table:
    budget = study.budget
    line = Table.grid(padding=(0, 1))
    started = sum(progress.counts.values())
    if budget["seconds"] is not None:
        seconds = float(budget["seconds"])
        left = max(seconds - progress.elapsed, 0.0)
        bar = ProgressBar(total=seconds, completed=min(progress.elapsed, seconds), width=_BAR)
        line.add_row(bar, Text(f"{duration(left)} left of {duration(seconds)}"))
    else:
        bar = ProgressBar(total=budget["trials"], completed=started, width=_BAR)
        line.add_row(bar, Text(f"trial {started:,} of {budget['trials']:,}, {duration(progress.elapsed)}"))
    return line


def _best(study: Study, progress: Progress) -> Text:
    best = progress.best
    if best is None or best.score is None:
        return Text("none yet")
    name = metric_name(study.metric)
    kind = "squared error" if study.metric in TASK_METRICS["regression"] else "log loss"
    loss = "" if study.metric == "log_loss" else f", {kind} {number(best.validation_loss or 0.0)}"
    if not study.data:
        loss = ""
    epochs = f"{best.epochs} epoch" + ("s" if best.epochs != 1 else "")
    return Text.assemble(
        (f"{name} {best.score:.4f}", "bold"),
        f"{loss}{' on validation' if study.data else ''}, trial {best.number} after {epochs}",
    )


def _trials(progress: Progress) -> Text:
    counts = progress.counts
    started = sum(counts.values())
    pace = started / progress.elapsed if progress.elapsed > 0 else 0.0
    shown = (TrialState.STOPPED, TrialState.FINISHED, TrialState.DIVERGED)
    parts = [f"{counts.get(state, 0):,} {state}" for state in shown]
    failed = counts.get(TrialState.FAILED, 0) + counts.get(TrialState.OUT_OF_MEMORY, 0)
    if failed:
        parts.append(f"{failed:,} failed")
    shown_pace = f"{pace:,.0f} a second" if pace >= 1 else f"{60 * pace:,.0f} a minute"
    return Text(f"{started:,} started ({shown_pace}), {', '.join(parts)}")
