"""`demo`: data for development."""

import click
from flask.cli import AppGroup

from app import demo as demo_data
from app.core import clock, web
from app.demo_notices import use_templates

demo = AppGroup("demo", help="Demo data for development.")


@demo.command("seed")
def seed() -> None:
    """Fill an empty shop with products, members and a plan; harmless to repeat."""
    if web.settings().is_production:
        raise click.ClickException("demo data has no place in production")
    print(demo_data.seed(clock.now(), web.settings().data_dir / "media"))


@demo.command("notices")
def demo_notices() -> None:
    """Use the sandbox's message templates; harmless to repeat."""
    if not web.settings().uses_sandbox:
        raise click.ClickException("these templates are the sandbox's")
    print(f"mapped {use_templates(clock.now())} kinds of notices")
