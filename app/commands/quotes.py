"""`commissions` and `tax`: the engines asked by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from app import tax
from app.commands.shared import read_json, run_job_by_hand, said
from app.commission.bonus.rules import quote_bonus
from app.commission.documents import quote_scenario
from app.core.errors import DomainError

commissions = AppGroup("commissions", help="The commission engine.")


def _print_each(file: Path, compute: Callable[[Any], Any]) -> None:
    """Print what `compute` makes of the file's document, or of each in its list."""
    document = read_json(file)
    try:
        if isinstance(document, list):
            result: Any = [compute(item) for item in document]
        else:
            result = compute(document)
    except DomainError as error:
        raise click.ClickException(f"{error.field}: {error.message}") from None
    print(json.dumps(result, ensure_ascii=False))


@commissions.command("quote")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def quote(file: Path) -> None:
    """Compute one scenario, or a list of them, and print the result as JSON."""
    _print_each(file, quote_scenario)


@commissions.command("bonus")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def bonus(file: Path) -> None:
    """Compute `{"program", "value"}`, or a list of them, and print the result as JSON."""
    _print_each(file, quote_bonus)


@commissions.command("settle")
@click.option("--as-of", "as_of", default="", help="Settle as if it were this time.")
@click.option("--dry-run", is_flag=True, help="Only say what would be settled.")
def settle(as_of: str, dry_run: bool) -> None:
    """Settle what has matured. The same as `jobs run settle`."""
    run_job_by_hand("settle", as_of, dry_run)


tax_group = AppGroup("tax", help="Income tax of commissions.")


@tax_group.command("quote")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def quote_tax(file: Path) -> None:
    """Compute what is withheld of one person's payments, or of a list of persons."""
    document = read_json(file)
    try:
        if isinstance(document, list):
            result: Any = [tax.quote_document(item) for item in document]
        else:
            result = tax.quote_document(document)
    except DomainError as error:
        raise said(error) from None
    print(json.dumps(result, ensure_ascii=False))
