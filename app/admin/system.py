"""What this server is: versions, backups, room; and how the shop stands with the law."""

import platform
import shutil
from pathlib import Path

import sqlalchemy as sa
from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue

from app import backup, commission, settings
from app.admin import auth
from app.admin import settings as settings_pages
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, health, web
from app.core.db import db
from app.distribution import heads, levels
from app.distribution.joining import ways
from app.settings import registry

# A backup that is older was missed.
BACKUP_HOURS = 26
ROOM_LEAST = 2 * 1024**3


@bp.get("/system", endpoint="system")
@requires(Permission.JOB_VIEW)
def system() -> ResponseReturnValue:
    config = web.settings()
    found = backup.kept(config.backup_dir) if config.backup_dir else []
    room = shutil.disk_usage(_existing(config.data_dir)).free
    schema = health.schema()
    return render_template(
        "admin/system.html",
        version=_version(Path(current_app.root_path).parent),
        python=platform.python_version(),
        engine=_engine(),
        schema=schema,
        redis="未配置，用本机文件代替" if not config.redis_url else _redis(),
        room=room,
        is_full=room < ROOM_LEAST,
        knows_backups=config.backup_dir is not None,
        backups=found[:20],
        is_late=not found or (clock.now() - found[0].at).total_seconds() > BACKUP_HOURS * 3600,
    )


@bp.get("/compliance", endpoint="compliance")
@requires(Permission.SETTINGS_VIEW)
def compliance() -> ResponseReturnValue:
    """The switches of compliance.md, what they are set to, and the shape of the tree."""
    in_force = commission.plan_in_force(clock.now())
    values = settings.everything()
    counts = heads.whole() if request.args.get("tree") else None
    return render_template(
        "admin/compliance.html",
        hard_cap=commission.hard_cap(),
        plan_depth=in_force[1].depth_cap if in_force else None,
        plan_id=in_force[0].id if in_force else None,
        coming=commission.coming(clock.now()),
        allows_team=levels.allows_team(),
        allows_paid=ways.allows_paid(),
        chosen=[
            (registry.ALL[key], settings_pages.shown(key, values[key]))
            for key in (registry.JOIN_MODE.key, registry.GUARD_DAYS.key, registry.TAX_METHOD.key)
        ],
        counts=counts,
        total=sum(count for _, count in counts or []),
        may_export=auth.allowed(Permission.DISTRIBUTOR_EXPORT),
    )


def _version(root: Path) -> str:
    """The release's folder is named after its revision; a checkout says it by git."""
    head = root / ".git" / "HEAD"
    if not head.is_file():
        return root.name[:12]
    text = head.read_text().strip()
    if text.startswith("ref: "):
        ref = root / ".git" / text.removeprefix("ref: ")
        text = ref.read_text().strip() if ref.is_file() else ""
    return text[:12]


def _engine() -> str:
    engine = db.engine.dialect
    if engine.name == "sqlite":
        return f"SQLite {db.session.scalar(sa.text('SELECT sqlite_version()'))}（仅供开发）"
    return f"MariaDB {db.session.scalar(sa.text('SELECT VERSION()'))}"


def _redis() -> str:
    return "正常" if current_app.extensions["cache"].is_shared() else "连不上，暂用本机文件代替"


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)
