"""caviar predict"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.console import check_apart, console, print_json
from caviar.cli.next_steps import say_next
from caviar.cli.notes import print_notes
from caviar.cli.options import ForSpreadsheet, Json, Quiet
from caviar.data.strange_cells import far_outside, never_seen
from caviar.errors import UserMistake
from caviar.learners import model as models
from caviar.report.table import predictions_frame, write_csv
from caviar.report.text import counted

_OTHERS = (".parquet", ".pq", ".feather", ".xlsx", ".xls", ".npz", ".npy", ".json")


def predict(
    model: Annotated[str, typer.Argument(help="A model that caviar tune saved.")],
    data: Annotated[str, typer.Argument(help="A file with the features of training; other columns are ignored.")],
    out: Annotated[str | None, typer.Option(help="Write here and not to stdout.", metavar="FILE")] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Add a column p_<class> for every class, p_<target> of several.")
    ] = False,
    coverage: Annotated[
        float | None,
        typer.Option(
            "--interval",
            help="For numbers: add columns low and high, between which so many of 1 lie: 0.9.",
            metavar="COVERAGE",
        ),
    ] = None,
    for_spreadsheet: ForSpreadsheet = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar predict flowers.caviar new.csv --out guesses.csv[/]

    Predict the label, or the number, of every row: a CSV with the column prediction, in the order of the rows; of
    several targets a column prediction_<target> for each.
    Labels are written as they came. An interval comes from errors on rows that the networks had not seen, and holds for
    rows that come as those did.
    """

    if json and out is None:
        raise UserMistake("with --json stdout holds one JSON object, so the predictions need a file", "add --out FILE")
    if out is not None:
        check_apart(out, model, data)
    if out is not None and Path(out).suffix.lower() in _OTHERS:
        raise UserMistake(
            f"predictions are written as CSV, got the name {Path(out).name!r}", f"name the file {Path(out).stem}.csv"
        )
    network = models.load(model)
    if proba:
        network.check_classes()
    prediction = network.prediction(data, coverage)
    probabilities = prediction.probabilities if proba else None
    write_csv(
        predictions_frame(prediction.labels, probabilities, network.classes, prediction.interval),
        out if out is not None else sys.stdout,
        for_spreadsheet=for_spreadsheet,
    )
    rows, missing, unknown = len(prediction.labels), prediction.missing, sum(prediction.unknown.values())
    outside = dict(prediction.outside)
    if json:
        met = {"missing": missing, "unknown": unknown, "outside": outside, "notes": list(prediction.notes)}
        known = prediction.known
        scores = None if known is None or known.score is None else {known.metric: known.score, "rows": known.rows}
        asked = {} if coverage is None else {"interval": coverage}
        print_json({"model": model, "data": data, "rows": rows, **met, **asked, "known": scores, "out": out})
    also = f", {counted(missing, 'missing value')}" if missing else ""
    also += f"; {never_seen(prediction.unknown)}" if unknown else ""
    also += f"; {far_outside(outside)}" if outside else ""
    also += f"; {prediction.cut}" if prediction.cut else ""
    where = f" to {out}" if out is not None else ""
    people = console(json=True, quiet=quiet)
    print_notes(people, prediction.read, "predict")
    people.print(f"{counted(rows, 'prediction')}{where}{also}", markup=False, soft_wrap=True)
    if prediction.known is not None:
        people.print(prediction.known.note, markup=False, soft_wrap=True)
    if out is None:
        also_asked = ["--proba"] if proba else [] if coverage is None else ["--interval", f"{coverage:g}"]
        say_next(people, ["predict", model, data, *also_asked, "--out", "predictions.csv"])
    elif not proba and not network.regression:
        say_next(people, ["predict", model, data, "--proba", "--out", "probabilities.csv"])
    else:
        say_next(people, ["-n", "5", out], program="head")
