"""`backup` and `keys`: copies of the shop, and the keys of its personal data."""

import os
import sys
from pathlib import Path

import click
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask.cli import AppGroup
from flask_migrate import upgrade

from app import backup
from app.backup import anonymise
from app.core import clock, rotation, web
from app.core.db import run_unit

backup_group = AppGroup("backup", help="Backups. BACKUP_PASSPHRASE replaces the data key.")
_backup_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@backup_group.command("create")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep-days", default=14, show_default=True, type=click.IntRange(1))
@click.option("--keep-months", default=6, show_default=True, type=click.IntRange(0))
def create_backup(folder: Path, keep_days: int, keep_months: int) -> None:
    """Write an encrypted backup, prove it, then delete those past their time."""
    try:
        made = backup.create(
            folder, media=_media(), now=clock.now(), passphrase=os.environ.get(_PASSPHRASE, "")
        )
    except backup.BackupError as error:
        raise click.ClickException(str(error)) from None
    removed = backup.prune(folder, days=keep_days, months=keep_months)
    print(f"{made.path}: {made.size} bytes, {made.pictures} pictures; {len(removed)} old removed")


@backup_group.command("verify")
@_backup_file
def verify_backup(file: Path) -> None:
    """Decrypt a backup and compare every hash; exit 1 if it is not whole."""
    try:
        manifest = backup.verify(file, passphrase=os.environ.get(_PASSPHRASE, ""))
    except backup.BackupError as error:
        raise click.ClickException(str(error)) from None
    print(f"whole: {manifest['engine']} of {manifest['at']}, schema {manifest['migration']}")


@backup_group.command("restore")
@_backup_file
def restore_backup(file: Path) -> None:
    """Fill an empty database and media folder; payouts are held afterwards."""
    scripts = ScriptDirectory(web.this_app().extensions["migrate"].directory)
    known = [script.revision for script in scripts.walk_revisions()]
    try:
        manifest = backup.restore(
            file,
            media=_media(),
            known_revisions=known,
            now=clock.now(),
            passphrase=os.environ.get(_PASSPHRASE, ""),
        )
    except backup.BackupError as error:
        raise click.ClickException(str(error)) from None
    upgrade()
    run_unit(backup.hold_payouts, manifest, clock.now())
    print(
        f"restored as of {manifest['at']}; payouts are locked, next: pay recover --since {manifest['at']}"
    )


@backup_group.command("anonymise")
@click.argument("url")
def anonymise_copy(url: str) -> None:
    """Copy the shop without persons into the empty database at URL, for support."""
    target = sa.create_engine(url)
    try:
        print(f"{anonymise.copy(target)} rows copied, nobody named")
    except anonymise.Undecided as error:
        raise click.ClickException(f"nobody decided about: {error}") from None
    except anonymise.NotEmpty:
        raise click.ClickException("the target is not empty") from None
    finally:
        target.dispose()


_PASSPHRASE = "BACKUP_PASSPHRASE"  # noqa: S105  (a name)


def _media() -> Path:
    return web.settings().data_dir / "media"


keys_group = AppGroup("keys", help="The data keys.")


@keys_group.command("rotate")
def rotate_keys() -> None:
    """Seal all personal data anew with the newest of DATA_KEYS; goes on after a stop."""
    total = 0
    for name, count in rotation.rotate():
        total += count
        print(f"{name}: {count}")
    left = rotation.remaining()
    print(f"sealed {total} values anew, {left} left of older keys")
    if left:
        sys.exit(1)
