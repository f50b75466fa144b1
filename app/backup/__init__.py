"""Backups (备份): made, proved, restored into an empty database, kept for a while.

A backup is one file: the whole database as of one moment, the uploaded pictures and a
manifest with their hashes, encrypted. Decisions:

- The key is made for this one file from `DATA_KEYS` or from `BACKUP_PASSPHRASE`. The
  data keys are never inside: without them the personal data of a backup stays sealed,
  so keep them elsewhere, too.
- Nothing is written before all of the file is decrypted and every hash is right.
- Only an empty database and an empty media folder take a restore: nothing that lives
  can be overwritten by mistake.
- A restored shop does not know what it paid since. See `service.hold_payouts`.
"""

from app.backup.service import (
    BackupError,
    Kept,
    Made,
    create,
    hold_payouts,
    kept,
    prune,
    restore,
    verify,
)

__all__ = [
    "BackupError",
    "Kept",
    "Made",
    "create",
    "hold_payouts",
    "kept",
    "prune",
    "restore",
    "verify",
]
