"""The account of a study in the terminal: its trials, the way of the search, importance, the finals, and advice."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from caviar.records import Intervention, Study, StudyKind, StudyState, Trial, TrialState
from caviar.records.metrics import metric_name
from caviar.report.answer import together
from caviar.report.bars import Band, Length
from caviar.report.text import NO_LUCK, config_text, counted, number, score_text, value_text, visible
from caviar.report.worth import bounded_text, importance_text, worth_lines
from caviar.search.eras import RESPACE
from caviar.views.retest import retest_view
from caviar.views.spaces import SpaceChange
from caviar.views.study import BoxView, Finals, StudyView

_COLUMNS = 15
_NAME = 24  # letters of a name that are worth a line of their own in the narrowest terminal
_ATTRIBUTE = 60  # characters of one
_BOXES = 12  # as many as a screen holds; the page has all


def as_text(view: StudyView, answer: bool = True) -> Group:
    """The account for a terminal; without the ``answer`` where that is drawn elsewhere."""
    parts: list[Any] = []
    for heading, body in (
        ("Notes", [_paragraph(visible(note)) for note in view.head.notes]),
        ("What was tried", _tried(view)),
        ("The space", _spaces(view)),
        ("What was asked of it", [_paragraph(line) for line in asked_lines(view.head.record.spec.interventions)]),
        ("Where the search went", _went(view)),
        ("What mattered", _mattered(view)),
        ("The finals", _finals(view)),
        ("The verdict on the old answer", _verdict(view)),
        ("The answer", _answer(view) if answer else []),
        ("Columns", _columns(view) if answer else []),
        ("Advice", [_paragraph(line) for line in view.advice]),
    ):
        if body:
            parts += [Text(f"\n{heading}", style="bold"), *body]
    return Group(*parts)


def _verdict(view: StudyView) -> list[Any]:
    """The verdict of a study that tests an old answer again."""
    study = view.head.record
    if study.result is None or study.result.retest is None:
        return []
    found = retest_view(study.name, study.result.retest)
    return [_paragraph(f"{found.headline}: {visible(found.retest.why)} (the answer of {visible(found.retest.of)})")]


def proposed_command(view: StudyView) -> str:
    """The command that changes the space as the results propose, for a shell; empty where they propose nothing."""
    words = ["caviar", "respace", view.head.record.name, *(one.change for one in view.proposed)]
    return visible(shlex.join(words)) if view.proposed else ""


def _spaces(view: StudyView) -> list[Any]:
    """The changes of the space, where there were any."""
    return [_paragraph(line) for line in history_lines(view.history, len(view.trials), len(view.outside))]


def history_lines(history: Sequence[SpaceChange], trials: int, outside: int) -> list[str]:
    """Sentences on the changes of a space, and on how many of the ``trials`` lie ``outside`` of today's."""
    lines = []
    for one in history:
        why = f", because {one.because}" if one.because else ""
        lines.append(visible(f"From trial {one.first_trial:,} on, asked for by {one.who}{why}:"))
        lines += [visible(f"- {change}") for change in one.changes]
    if history and outside:
        count = f"{outside:,} of {counted(trials, 'trial')} lie" if outside != 1 else f"1 of {trials:,} trials lies"
        lines.append(f"{count} outside of today's space: kept, but not counted.")
    elif history:
        lines.append("All trials lie in today's space.")
    return lines


def asked_lines(interventions: Sequence[Intervention]) -> list[str]:
    """A sentence on each act on a study, by whom, and what came of it; changes of its space are told elsewhere."""
    return [visible(_asked(one)) for one in interventions if one.kind != RESPACE]


def _asked(one: Intervention) -> str:
    wanted = config_text(one.arguments.get("config", one.arguments))
    why = f", because {one.because}" if one.because else ""
    outcome = f", {one.outcome}" if one.outcome else ""
    when = one.written[:16].replace("T", " ")
    return f"{when}, {one.who or 'somebody'}: {' '.join(filter(None, [one.kind, wanted]))}{why}: {one.state}{outcome}."


def _paragraph(line: str, style: str = "") -> Padding:
    return Padding(Text(line, style=style), (0, 0, 0, 2), expand=False)


def _table(headings: tuple[str, ...], left: tuple[str, ...], names: Iterable[str] = ()) -> Table:
    """A table with ``headings``, those in ``left`` over columns of text and the others over numbers.

    The first column has the ``names``, if any. They are not broken where they are short: the others make room for them.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(headings))
    for i, heading in enumerate(headings):
        side: Literal["left", "right"] = "left" if heading in left else "right"
        whole = i == 0 and 0 < max(map(cell_len, names), default=0) <= _NAME
        table.add_column(Text(heading), justify=side, overflow="fold", no_wrap=whole)
    return table


def _tried(view: StudyView) -> list[Any]:
    configs = f"{counted(len(view.trials), 'config')} of {counted(len(view.space.searched), 'hyperparameter')}"
    lines = [configs + _on(view), _ladder(view), view.early_ends, _spent(view.head.record)]
    diverged = view.outcomes[TrialState.DIVERGED]
    if diverged:
        lowest = view.lowest_diverged
        where = "" if lowest is None else f", none below a learning rate of {number(lowest)}"
        lines.append(f"{diverged:,} diverged{where}.")
    infeasible = view.outcomes[TrialState.INFEASIBLE]
    if infeasible:
        lines.append(f"{infeasible:,} infeasible: your code said that such configs cannot be trained.")
    return [_paragraph(line) for line in lines if line]


_PURPOSES = {
    "portfolio": "the portfolio",
    "search": "the rest of the search",
    "finals": "the finals",
    "last_training": "the last training",
}


def _spent(study: Study) -> str:
    """The seconds of training, by what they were for; empty where no result says so."""
    spent = {} if study.result is None else study.result.spent or {}
    shares = [f"{seconds:.3g} s for {_PURPOSES.get(name, name)}" for name, seconds in spent.items()]
    if not shares:
        return ""
    threads = counted(int(study.environment.get("threads", 1)), "thread")
    return f"Training took {sum(spent.values()):.3g} s on {threads} together: {', '.join(shares)}."


def _on(view: StudyView) -> str:
    table = view.head.table
    if table is None:
        return ", trained by code of your own."
    decided = f"{metric_name(view.head.record.metric)} on {table.validation:,} other rows decided"
    return f", on {counted(table.train, 'row')}; {decided}."


def _ladder(view: StudyView) -> str:
    """The trials that came to each rung, and the work of them all."""
    reached = [(rung.epochs, len(rung.trials)) for rung in view.rungs if rung.trials]
    if not reached:
        return ""
    epochs, trials = reached[0]
    steps = [f"{counted(trials, 'trial')} trained for {counted(epochs, 'epoch')}"]
    steps += [f"{trials:,} {'went on ' if i == 0 else ''}to {epochs}" for i, (epochs, trials) in enumerate(reached[1:])]
    networks = round(view.epochs / max(view.whole_training, 1))
    if networks < 1:
        work = "less work than training one network to the end"
    else:
        work = f"as much work as training {'one network' if networks == 1 else f'{networks:,} networks'} to the end"
    return f"{', '.join(steps)}; {work}."


def _went(view: StudyView) -> list[Any]:
    record = view.head.record
    if record.search == "optuna":  # imported
        first = [f"Optuna chose the first {counted(record.spec.known or len(view.trials), 'config')}."]
    elif view.boxes:
        first = []
    else:
        first = [f"The search was {record.search}: every draw from the whole space."]
    remarks = " ".join(f"{remark[0].upper()}{visible(remark[1:])}." for remark in view.remarks)
    if not view.boxes:
        few = "Too few networks were trained to the end to narrow the search; more time would help."
        sentences = [few] if record.search == "coarse_to_fine" else []
        return [_paragraph(" ".join([*first, *sentences, *filter(None, [remarks])]))]
    table = _table(("  from trial", "box", "why"), left=("why",))
    shown = view.boxes if len(view.boxes) <= _BOXES else (*view.boxes[: _BOXES // 2], *view.boxes[-_BOXES // 2 :])
    for i, each in enumerate(shown):
        if len(view.boxes) > _BOXES and i == _BOXES // 2:
            table.add_row("...", "", f"{len(view.boxes) - _BOXES} more")
        table.add_row(f"{each.box.first_trial:,}", str(each.box.number), Text(visible(each.box.reason)))
    parts: list[Any] = [*map(_paragraph, filter(None, [*first, remarks])), table]
    last = [each for each in view.boxes if each.box.first_trial == view.boxes[-1].box.first_trial]
    for each in last:
        which = "The last box" if len(last) == 1 else "One of the last two boxes"
        parts += [Text(f"\n  {which}, {each.box.number}, on the whole of each scale:"), _ranges(each)]
    return parts


def _ranges(each: BoxView) -> Table:
    """A box by hyperparameter, drawn and in numbers."""
    ranges = _table(("", "", ""), left=("",), names=each.box.ranges)
    for name, (low, high) in each.bands.items():
        ranges.add_row(Text(f"  {visible(name)}"), Band(low, high), Text(_range_text(each.box.ranges[name])))
    for name, given in each.box.ranges.items():
        if "weights" in given:
            ranges.add_row(Text(f"  {visible(name)}"), "", Text(_range_text(given)))
    return ranges


def _range_text(given: Mapping[str, Any]) -> str:
    if "weights" in given:
        return ", ".join(f"{visible(str(value))} {share:.0%}" for value, share in given["weights"].items())
    return f"{value_text(given['low'])} to {value_text(given['high'])}"


def _mattered(view: StudyView) -> list[Any]:
    if not view.importance:
        return []
    headings = ("  hyperparameter", "importance", "", "tier")
    table = _table(headings, left=headings[:3], names=(row.name for row in view.importance))
    most = max(max(row.high for row in view.importance), 1e-9)
    for row in sorted(view.importance, key=lambda row: -row.importance):
        importance, low, high = (round(x, 2) + 0.0 for x in (row.importance, row.low, row.high))  # no -0.00
        measured = f"{importance:.2f} ({low:.2f} to {high:.2f})"
        tier = view.space[row.name].tier
        table.add_row(
            Text(f"  {visible(row.name)}"), Length(row.importance / most), measured, "" if tier is None else str(tier)
        )
    note = (
        "Importance: how much worse results are predicted when this hyperparameter is shuffled; "
        "in brackets its 90 % interval."
    )
    if any(view.space[row.name].tier is not None for row in view.importance):
        note += (
            " Tier: the order in which the search begins to vary them, 1 first; in the default space it is that of the "
            "course, the learning rate before all others."
        )
    return [table, _paragraph(note, "dim")]


def _finals(view: StudyView) -> list[Any]:
    finals = view.finals
    if not finals.finalists:
        return []
    table = _table(("  trial", "in the search", "trained again, mean", "each time"), left=("each time",))
    digits, epochs = _digits(finals), finals.epochs
    differ = len(set(epochs.values())) > 1 and all(finalist.trial in epochs for finalist in finals.finalists)
    for finalist in finals.finalists:
        table.add_row(
            f"{finalist.trial}{' *' if finalist is finals.winner else '  '}",
            _score(finalist.when_chosen) + (f" ({epochs[finalist.trial]} ep.)" if differ else ""),
            _score(finalist.mean, digits),
            " ".join(map(_score, finalist.scores)),
        )
    return [table, *(_paragraph(line) for line in verdict(finals))]


def _answer(view: StudyView) -> list[Any]:
    """The scores of the winner, and what they are worth."""
    if view.best is not None:
        return _own_answer(view, view.best)
    result = view.head.record.result
    if result is None or not result.test:
        return []
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    worth = view.worth
    grid.add_row("sealed test", score_text(result.metric, result.test, "95 %: "))
    for doubt in worth.doubts:
        grid.add_row("", Text(visible(doubt), style="bold yellow"))
    if result.validation:
        grid.add_row("validation", score_text(result.metric, result.validation))
    if result.ensemble is not None:
        grid.add_row("ensemble", Text(together(result.metric, result.ensemble, result.best)))
    for title, line in worth_lines(result.metric, replace(worth, columns=())):
        grid.add_row(title, line)
    return [Padding(grid, (0, 0, 0, 2))]


def _own_answer(view: StudyView, best: Trial) -> list[Any]:
    """The winner among trials of the user's own code, and the call that shows how much of its score is luck."""
    record, epochs = view.head.record, f" after {counted(best.epochs, 'epoch')}" if best.epochs else ""
    score = f"{metric_name(record.metric)} {number(best.score or 0.0)}{epochs}"
    won = f"won: {score}" if record.result is not None else f"is the best so far: {score}"
    lines = [f"Trial {best.number} {won}.", f"Config: {config_text(best.config)}"]
    if best.attributes:
        shown = ", ".join(f"{visible(k)} {_shortened(value_text(v))}" for k, v in best.attributes.items())
        lines.append(f"Attributes: {shown}")
    if record.result is not None and record.result.best.folder:
        lines.append(f"Files: {visible(record.result.best.folder)}")
    again = {
        StudyKind.PROGRAM: "caviar resume has the option --repeats",
        StudyKind.FUNCTION: f"caviar.resume({record.name!r}, data=objective, repeats=3)",
    }.get(record.spec.kind)
    if again and not view.finals.finalists and record.state is not StudyState.RUNNING:
        lines.append(f"The best of {len(view.trials):,} trials is probably a little lucky; to train it again: {again}")
    return [_paragraph(line) for line in lines]


def _shortened(text: str) -> str:
    return text if len(text) <= _ATTRIBUTE else f"{text[:_ATTRIBUTE]}... ({len(text):,} characters)"


def _columns(view: StudyView) -> list[Any]:
    """The columns that matter, drawn."""
    columns, metric = view.worth.columns, view.head.record.metric
    if not columns:
        return []
    names = [column.name for column in columns[:_COLUMNS]]
    table = _table(("  column", "importance", ""), left=("  column", "importance"), names=names)
    most = max(*(column.importance or 0.0 for column in columns), 1e-9)
    for column in columns[:_COLUMNS]:
        length = Length((column.importance or 0.0) / most)
        table.add_row(Text(f"  {visible(column.name)}"), length, importance_text(metric, column))
    left = len(columns) - _COLUMNS
    more = f" {counted(left, 'more column')} in --json and on the page." if left > 0 else ""
    note = f"Importance: how much worse {metric_name(metric)} gets on rows not trained on when the column is shuffled"
    return [table, _paragraph(f"{note}{bounded_text(view.worth)}.{more}", "dim")]


def _score(score: float | None, digits: int = 4) -> str:
    return "diverged" if score is None else f"{score:.{digits}f}"


def _digits(finals: Finals) -> int:
    """The digits that tell the winner's mean from the best one."""
    means = [one.mean for one in (finals.winner, finals.finalists[0]) if one is not None and one.mean is not None]
    return next((n for n in range(4, 9) if len({_score(mean, n) for mean in means}) == len(means)), 4)


def verdict(finals: Finals) -> list[str]:
    """Sentences on the winner: why it was chosen, its scores, its config."""
    won = finals.winner
    if won is None:
        return []
    lines = [_ground(finals)]
    if won.mean is not None and won.when_chosen is not None:
        if abs(won.when_chosen - won.mean) < NO_LUCK:
            lines.append(f"{won.mean:.4f} in the search and when trained again.")
        else:
            lines.append(f"{won.when_chosen:.4f} in the search, {won.mean:.4f} when trained again.")
    return [*lines, f"Config: {config_text(finals.config)}"]


def _ground(finals: Finals) -> str:
    """The ground on which the winner was chosen, and not the best mean."""
    won, best = finals.winner, finals.finalists[0]
    assert won is not None
    if finals.decision == "mean":
        return f"Trial {won.trial} won by its mean."
    smaller = ""
    if won.parameters is not None and best.parameters is not None and won.parameters < best.parameters:
        smaller = f" ({won.parameters:,} parameters against {best.parameters:,})"
    same = won.mean is not None and _score(won.mean, _digits(finals)) == _score(best.mean, _digits(finals))
    if finals.decision == "noise":
        noise = "" if same else "by less than the noise of the repeats, and "
        why = f"{noise}{won.trial} is the simpler network{smaller}"
    elif finals.decision == "small":
        why = f"{won.trial} is within a hundredth of it and the smallest network that is{smaller}"
    else:
        why = f"{won.trial} is within a hundredth of it and the quickest network that is"
    mean = "the same mean, and" if same else "the better mean, but"
    return f"Trial {won.trial} won: {best.trial} has {mean} {why}."
