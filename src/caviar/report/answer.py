"""The answer of a study in the terminal: its winner, the scores, and where the model is."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from caviar.records.metrics import metric_name
from caviar.records.result import BestTrial, EnsembleResult, Repeated, StudyResult
from caviar.report.text import NO_LUCK, beside_text, config_text, counted, duration, number, score_text, visible
from caviar.report.worth import worth_lines
from caviar.views.retest import retest_view
from caviar.views.worth import worth_of

_FRONT = 4  # as many as two lines hold; the JSON has more


def answer(result: StudyResult) -> Group:
    """The winner, its scores, and where it is."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    best, metric, worth = result.best, result.metric, worth_of(result)
    if result.retest is not None:
        verdict = retest_view(str(result.study), result.retest).headline
        grid.add_row("verdict", Text.assemble((verdict, "bold"), f": {visible(result.retest.why)}"))
    if best.test and result.test:
        times = "once" if (result.test_opened or 1) == 1 else f"{result.test_opened} times by this study"
        rows = counted(int(result.data.get("test") or 0), "row")
        rest = f"{beside_text(metric, result.test)}, on {rows}, opened {times}"
        grid.add_row("sealed test", Text.assemble((score_text(metric, result.test, "95 %: "), "bold"), rest))
    for doubt in worth.doubts:
        grid.add_row("", Text(visible(doubt), style="bold yellow"))
    for title, line in worth_lines(metric, worth):
        grid.add_row(title, line)
    if best.validation and result.validation:
        scores = f"{score_text(metric, result.validation)}{beside_text(metric, result.validation)}"
        repeated = best.repeated if result.ensemble is None else None
        grid.add_row("validation", f"{scores}, {_mean_of(repeated)}" if repeated else scores)
        if best.repeated is not None and best.repeated.how != "not repeated":
            grid.add_row("repeated", _two_scores(result.metric, best.repeated))
    elif best.score is not None:
        grid.add_row("score", _own_score(best.score, best))
    if best.parameters is not None:
        grid.add_row("network", counted(best.parameters, "parameter") + _trained(best))
    grid.add_row("config", Text(f"trial {best.trial}: {config_text(best.config)}"))
    if result.ensemble is not None:
        grid.add_row("ensemble", Text(together(metric, result.ensemble, best)))
    if result.front is not None and len(result.front) > 1:
        grid.add_row("front", Text(_front(result)))
    if best.folder is not None:
        grid.add_row("folder", Text(visible(best.folder)))
    if result.trials:
        grid.add_row("trials", Text(_counts_text(result.trials)))
    if result.seconds is not None:
        grid.add_row("study", Text(visible(f"{result.study} in {result.store}, {duration(result.seconds)}")))
    if result.model is not None:
        grid.add_row("model", Text(visible(result.model) + (", the ensemble" if result.ensemble else "")))
    for i, note in enumerate(note for note in result.notes if note not in worth.doubts):
        grid.add_row("notes" if i == 0 else "", Text(visible(note)))
    return Group(Padding(grid, (1, 0, 0, 0), expand=False))


def _mean_of(repeated: Repeated) -> str:
    """The number of repeats that a mean is taken over."""
    if repeated.how == "not repeated":
        why = "nothing is repeated with this preset" if repeated.planned == 0 else "there was no time to train it again"
        return f"from the search: {why}"
    done = len(repeated.scores)
    if "fold" not in repeated.how:
        return f"mean of {counted(done, 'repeat')} with fresh seeds"
    if repeated.planned is not None and done < repeated.planned:
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


def _own_score(score: float, best: BestTrial) -> Text:
    """The score that other people's code gave the winner, and how much of it may be luck."""
    epochs = "" if not best.epochs else f" after {counted(best.epochs, 'epoch')}"
    rest = " is the best of all trials, so probably a little lucky; check it with 3 repeats"
    if best.repeated is not None:
        mean, times = number(best.repeated.mean), counted(len(best.repeated.scores), "repeat")
        rest = f" in the search, {mean} when trained again (mean of {times} with fresh seeds)"
    return Text.assemble((number(score), "bold"), epochs + rest)


def _trained(best: BestTrial) -> str:
    if best.rows is None or best.epochs is None:
        return ""
    return f", trained on {counted(best.rows, 'row')} for {counted(best.epochs, 'epoch')}"


def together(metric: str, ensemble: EnsembleResult, best: BestTrial) -> str:
    """The networks of an ensemble, and the scores of the best network alone."""
    members = ", ".join(f"{number} ({share:.0%})" for number, share in ensemble.trials.items())
    of = f"the model is the mean of {counted(ensemble.networks, 'network')} from trials {members}"
    parts = {"the sealed test": best.test, "validation": best.validation}
    scores = [f"{score_text(metric, scores)} on {where}" for where, scores in parts.items() if scores]
    return f"{of}; the best network alone, trial {best.trial}: {', '.join(scores)}" if scores else of


def _front(result: StudyResult) -> str:
    """The networks that none beats in score without more parameters, the best of them."""
    best = (result.front or ())[:_FRONT]
    shown = ", ".join(f"{one.score:.4f} with {one.parameters:,} (trial {one.trial})" for one in best)
    return f"{metric_name(result.metric)} on validation (smoothed) by parameters: {shown}"


def _counts_text(trials: Mapping[str, int]) -> str:
    """The counts of a result, in which the interrupted are among the stopped."""
    shown = {**trials, "stopped": trials.get("stopped", 0) - trials.get("interrupted", 0)}
    return ", ".join(f"{n:,} {state}" for state, n in shown.items())
