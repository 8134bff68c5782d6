"""The answer of a study in the terminal: its winner, the scores, and where the model is."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from caviar.report.text import NO_LUCK, config_text, counted, duration, metric_name, number, score_text
from caviar.views.answer import Answer, Ensemble, Repeated, Score

_FRONT = 4  # as many as two lines hold; the JSON has more


def answer(found: Answer) -> Group:
    """The winner, its scores, and where it is."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    if found.test is not None:
        rest = f", {_beside(found.test)}, on {counted(found.test_rows, 'row')}, opened once"
        grid.add_row("sealed test", Text.assemble((score_text(found.test, "95 %: "), "bold"), rest))
    if found.validation is not None:
        scores = f"{score_text(found.validation)}, {_beside(found.validation)}"
        grid.add_row("validation", f"{scores}, {_mean_of(found.repeated)}" if found.repeated else scores)
        if found.repeated is not None and found.repeated.how != "not repeated":
            grid.add_row("repeated", _two_scores(found.metric, found.repeated))
    elif found.score is not None:
        grid.add_row("score", _own_score(found.score, found))
    if found.parameters is not None:
        grid.add_row("network", counted(found.parameters, "parameter") + _trained(found))
    grid.add_row("config", Text(f"trial {found.trial}: {config_text(found.config)}"))
    if found.ensemble is not None:
        grid.add_row("ensemble", Text(_together(found.ensemble)))
    if len(found.front) > 1:
        grid.add_row("front", Text(_front(found)))
    if found.folder is not None:
        grid.add_row("folder", Text(found.folder))
    if found.counts:
        grid.add_row("trials", Text(_counts_text(found.counts)))
    if found.seconds is not None:
        grid.add_row("study", Text(f"{found.study} in {found.store}, {duration(found.seconds)}"))
    if found.model is not None:
        grid.add_row("model", Text(found.model + (", the ensemble" if found.ensemble else "")))
    return Group(Padding(grid, (1, 0, 0, 0)))


def _beside(score: Score) -> str:
    """The scores beside the main one: the loss of classes, or the errors of numbers in their own units."""
    losses = {name: value for name, value in score.beside.items() if name == "log_loss"} or score.beside
    return ", ".join(
        f"{metric_name(name)} {f'{value:.4f}' if name == 'log_loss' else number(value)}"
        for name, value in losses.items()
    )


def _mean_of(repeated: Repeated) -> str:
    """The number of repeats that a mean is taken over."""
    if repeated.how == "not repeated":
        return "from the search: there was no time to train it again"
    done = len(repeated.scores)
    if "fold" not in repeated.how:
        return f"mean of {counted(done, 'repeat')} with fresh seeds"
    if done < repeated.planned:
        folds = f"one of {repeated.planned} folds" if done == 1 else f"mean of {done} of {repeated.planned} folds"
        return f"{folds}; there was no time for more"
    return f"mean of a {repeated.how}"


def _two_scores(metric: str, repeated: Repeated) -> str:
    """The score in the search beside the mean when trained again, with the interval that the true one lies in."""
    again = f"{repeated.mean:.4f}"
    low, high = repeated.low, repeated.high
    if low is not None and high is not None and low < high:  # of equal scores it would promise too much
        again += f" (95 %: {low:.3f} to {high:.3f})"
    unit = " (in standard deviations of the target)" if metric in ("rmse", "mae") else ""
    if repeated.when_chosen is None or repeated.gap is None:
        return f"{metric_name(metric)} {again} when trained again{unit}"
    if abs(repeated.gap) < NO_LUCK:
        return f"{metric_name(metric)} {again} in the search and when trained again{unit}"
    return f"{metric_name(metric)} {repeated.when_chosen:.4f} in the search, {again} when trained again{unit}"


def _own_score(score: float, found: Answer) -> Text:
    """The score that other people's code gave the winner, and how much of it may be luck."""
    epochs = "" if found.epochs is None else f" after {counted(found.epochs, 'epoch')}"
    rest = " is the best of all trials, so probably a little lucky; check it with 3 repeats"
    if found.repeated is not None:
        mean, times = number(found.repeated.mean), counted(len(found.repeated.scores), "repeat")
        rest = f" in the search, {mean} when trained again (mean of {times} with fresh seeds)"
    return Text.assemble((number(score), "bold"), epochs + rest)


def _trained(found: Answer) -> str:
    if found.rows is None or found.epochs is None:
        return ""
    return f", trained on {counted(found.rows, 'row')} for {counted(found.epochs, 'epoch')}"


def _together(ensemble: Ensemble) -> str:
    """An ensemble beside the single network."""
    members = ", ".join(f"{number} ({share:.0%})" for number, share in ensemble.shares.items())
    of = f"of {counted(ensemble.networks, 'network')} from trials {members}"
    validation = score_text(ensemble.validation)
    if ensemble.test is None:
        return f"{validation} on validation, {of}"
    return f"{score_text(ensemble.test, '95 %: ')} on the sealed test, {validation} on validation, {of}"


def _front(found: Answer) -> str:
    """The networks that none beats in score without more parameters, the best of them."""
    shown = ", ".join(f"{one.score:.4f} with {one.parameters:,} (trial {one.trial})" for one in found.front[:_FRONT])
    return f"{metric_name(found.metric)} on validation (smoothed) by parameters: {shown}"


def _counts_text(trials: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {state}" for state, n in trials.items())
