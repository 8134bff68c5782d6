"""caviar studies"""

from __future__ import annotations

from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl


def studies(store: StoreUrl = DEFAULT_STORE, json: Json = False) -> None:
    """[bold]caviar studies[/]

    List the studies of a store, the oldest first.
    """
    from caviar.cli.console import console, print_json
    from caviar.report.studies import studies_table, study_row
    from caviar.store import Store

    with Store.open(store, create=False) as opened:
        found, counts = opened.studies(), opened.trial_counts()
    if json:
        print_json({"store": opened.url, "studies": [study_row(study, counts[study.name]) for study in found]})
    else:
        console().print(studies_table(found, counts))
