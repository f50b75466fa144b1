"""`catalog`, `team` and `reports`: what is computed from facts, computed anew."""

from datetime import date

import click
from flask.cli import AppGroup

from app import catalog, commission
from app.core import clock
from app.core.db import run_unit
from app.reports import figures

catalog_group = AppGroup("catalog", help="Products.")


@catalog_group.command("reindex")
def reindex() -> None:
    """Write the search words of every product anew; sales go on meanwhile."""
    total, after = 0, 0
    while True:
        done, after = run_unit(catalog.search.reindex, after=after)
        if not done:
            break
        total += done
    print(f"reindexed {total} products")


team_group = AppGroup("team", help="What members brought their uplines.")


@team_group.command("rebuild")
def rebuild_team() -> None:
    """Compute every figure of the teams anew; sales go on meanwhile."""
    total, wrong = commission.team.rebuild()
    print(f"{total} figures, {wrong} of them were wrong")


reports_group = AppGroup("reports", help="The shop in figures by day.")


@reports_group.command("rebuild")
@click.option("--from", "first", default="", help="The first day, such as 2026-11-01; all days.")
@click.option("--to", "last", default="", help="The last day; yesterday.")
def rebuild_figures(first: str, last: str) -> None:
    """Compute the figures of past days anew from the facts."""
    now = clock.now()
    try:
        begin = date.fromisoformat(first) if first else figures.first_day()
        end = date.fromisoformat(last) if last else figures.last_closed(now)
    except ValueError as error:
        raise click.ClickException("a day is written like 2026-11-01") from error
    if begin is None:
        print("nothing to compute: the shop has no member yet")
        return
    print(f"{sum(1 for _ in figures.rebuild_all(begin, end, now=now))} days")
