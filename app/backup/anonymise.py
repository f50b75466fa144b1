"""A copy of the shop for support, without persons: sums and states as they are.

Each text column is decided here: kept, or replaced. A column that is decided nowhere
stops the copy, so that a new one never leaks by being forgotten. People are told apart
by their ids only; whatever somebody typed is emptied; what no question of support needs
(sessions, WeChat's raw words, traces, the audit chain's seals) is left out.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from app.backup.engines import is_empty
from app.core.crypto import EncryptedText
from app.core.db import db

CHUNK = 500
Row = Mapping[str, Any]

LEFT_OUT = frozenset(
    {
        # What somebody looked for may be a name or a phone number.
        "admin_exports",
        "admin_list_choices",
        "admin_list_views",
        "admin_recovery_codes",
        "admin_sessions",
        "api_keys",
        "api_writes",
        "hook_deliveries",
        "hook_endpoints",
        "report_deliveries",
        "report_subscriptions",
        "audit_seals",
        "risk_traces",
        "wechat_messages",
        "wechat_notices",
    }
)


def _named(prefix: str) -> Callable[[Row], str]:
    return lambda row: f"{prefix}{row['id']}"


def _tombstone(row: Row) -> str:
    return f"anonymous-{row.get('member_id') or row['id']}"


def _hidden(column: str) -> Callable[[Row], str]:
    """Typed words; that there were some still shows, and is asked for by some tables."""
    return lambda row: "…" if row[column] else ""


# Two accounts of one person stay two of one person; the key is this process's alone.
_SALT = os.urandom(32)


def _person(row: Row) -> str:
    known: str = row["person"]
    return hmac.new(_SALT, known.encode(), hashlib.sha256).hexdigest() if known else ""


# What replaces a column; a plain value stands for every row.
REPLACED: dict[str, dict[str, Any]] = {
    "admins": {
        "username": _named("admin"),
        "name": _named("管理员"),
        "password_hash": "",
        "setup_token_hash": None,
        "totp_secret": None,
        "email": None,
        "totp_since": None,
    },
    "aftersales": {
        "description": "",
        "pictures": [],
        "decision_note": "",
        "return_tracking": "",
        "resend_tracking": "",
        "manual_note": "",
    },
    "audit_entries": {"before": None, "after": None, "reason": "", "address": ""},
    "binding_appeals": {"text": "", "answer": ""},
    "binding_attempts": {"note": ""},
    "distributors": {"statement": "", "sealed_answers": None, "phone_hash": None}
    | {"decision_note": ""},
    "invoice_requests": {"title": "", "tax_number": "", "email": "", "note": ""},
    "member_addresses": {"name": "某某", "phone": "13800000000", "detail": "某路 1 号"},
    "member_notes": {"text": ""},
    "member_tags": {"name": _named("标签")},
    "member_uploads": {"path": _named("removed-")},
    "members": {"openid": _named("anonymous-"), "nickname": _named("会员"), "avatar_url": ""},
    "notices": {"values": {}, "fields": None, "error": ""},
    "order_traces": {"text": ""},
    "orders": {
        "receiver_name": "某某",
        "receiver_phone": "13800000000",
        "receiver_detail": "某路 1 号",
        "remark": "",
        "delivery_note": None,
        "tracking_number": lambda row: "0" * len(row["tracking_number"] or ""),
    },
    "payee_accounts": {"holder": "某某", "account": "6222020000000000000"}
    | {"account_hash": _named("account-")},
    "payment_oddities": {"facts": {}, "resolution": ""},
    "payments": {"payer_openid": "", "prepay_id": ""},
    "reviews": {
        "text": "",
        "pictures": [],
        "followup_text": "",
        "followup_pictures": [],
        "reply": "",
    },
    "risk_flags": {"evidence": [], "reason": ""},
    "scans": {"openid": "", "dedupe_key": None},
    "state_moves": {"note": ""},
    "tax_identities": {
        "name": "某某",
        "number": "110101199001011237",
        "person": _person,
    },
    "payout_lines": {"reason": _hidden("reason")},
    "payout_vouchers": {"content": "", "sha256": ""},
    "transfer_bills": {"openid": _tombstone, "body": {}, "package_info": "", "fail_reason": ""}
    | {"payee_name": None},
    "transfer_grants": {"openid": _tombstone, "body": {}, "package_info": "", "close_reason": ""},
    "withdrawal_payees": {"holder": "某某", "account": "6222020000000000000"},
    "withdrawal_taxes": {"person": _person},
    "withdrawals": {"note": ""},
    "payout_locks": {"first_note": _hidden("first_note"), "note": _hidden("note")},
    "plan_withdrawals": {"reason": _hidden("reason")},
    "tax_remittances": {"reason": _hidden("reason"), "answer": _hidden("answer")},
    "debt_write_offs": {"reason": _hidden("reason"), "answer": _hidden("answer")},
    "ledger_postings": {"reason": _hidden("reason")},
    "level_changes": {"reason": _hidden("reason")},
    "reconciliation_breaks": {"reason": _hidden("reason")},
    "bonus_results": {"reason": _hidden("reason")},
    "job_runs": {"error": _hidden("error")},
    "outbox": {"last_error": _hidden("last_error")},
    "stock_moves": {"reason": _hidden("reason")},
}

# Text that says nothing about a person: rules, numbers, goods, states, who at the desk.
KEPT: dict[str, frozenset[str]] = {
    "aftersales": frozenset(
        {"number", "reason", "return_carrier", "resend_carrier", "manual_first"}
    ),
    "audit_entries": frozenset({"actor", "action", "subject"}),
    "bill_files": frozenset({"sha1", "reason"}),
    "bill_rows": frozenset({"number", "wx_number"}),
    "binding_appeals": frozenset({"answered_by"}),
    "binding_attempts": frozenset({"code", "actor"}),
    "bonus_batches": frozenset({"posted_by"}),
    "bonus_results": frozenset({"reviewed_by"}),
    "bonus_runs": frozenset({"label"}),
    "bonus_versions": frozenset({"name", "note", "document", "drafted_by", "published_by"}),
    "categories": frozenset({"name", "picture"}),
    "channels": frozenset(
        {"code", "name", "name_key", "note", "qr_ticket", "qr_url", "created_by"}
    ),
    "commission_plans": frozenset({"name", "document", "drafted_by", "published_by"}),
    "commissions": frozenset({"rate", "source"}),
    "tax_remittances": frozenset({"month", "open_month", "serial", "asked_by", "decided_by"}),
    "tax_credits": frozenset({"month"}),
    "plan_withdrawals": frozenset({"withdrawn_by"}),
    "debt_write_offs": frozenset({"asked_by", "decided_by"}),
    "distributor_levels": frozenset({"code", "name", "benefits", "conditions", "keep"}),
    "distributors": frozenset({"level"}),
    "freight_templates": frozenset({"name", "rules"}),
    "home_blocks": frozenset({"title", "content"}),
    "home_versions": frozenset({"published_by", "note"}),
    "invoice_requests": frozenset({"invoice_number"}),
    "job_runs": frozenset({"job", "slot", "result", "started_by"}),
    "join_contracts": frozenset({"version", "text", "text_hash", "created_by"}),
    "join_forms": frozenset({"fields", "created_by"}),
    "ledger_postings": frozenset(
        {
            "idem_key",
            "event",
            "subject",
            "content_hash",
        }
    ),
    "level_changes": frozenset({"from_level", "to_level", "period", "figures", "actor"}),
    "level_tags": frozenset({"name"}),
    "materials": frozenset({"category", "text", "pictures", "video_url"}),
    "member_addresses": frozenset({"region", "region_code"}),
    "member_consents": frozenset({"document", "version", "text_hash"}),
    "member_notes": frozenset({"author"}),
    "member_tags": frozenset({"author"}),
    "members": frozenset({"public_id"}),
    "menu_versions": frozenset({"documents", "published_by", "note"}),
    "notice_deliveries": frozenset({"message_id", "status"}),
    "notice_mutes": frozenset({"kind"}),
    "notice_templates": frozenset({"kind", "template_id", "title", "fields", "updated_by"}),
    "notices": frozenset({"key", "kind", "path", "template_id", "message_id"}),
    "order_adjustments": frozenset({"kind", "title"}),
    "order_lines": frozenset({"title", "sku_name", "picture", "category_ids"}),
    "order_pickups": frozenset({"code"}),
    "order_seats": frozenset({"level"}),
    "order_traces": frozenset({"entered_by"}),
    "orders": frozenset({"number", "request_key", "receiver_region", "carrier"}),
    "outbox": frozenset(
        {
            "topic",
            "subscriber",
        }
    ),
    "payee_accounts": frozenset({"bank_name"}),
    "payment_oddities": frozenset({"reference", "resolved_by"}),
    "payments": frozenset({"out_trade_no", "transaction_id"}),
    "payout_batches": frozenset({"number", "made_by", "file_name", "file_sha256", "filed_by"}),
    "payout_lines": frozenset({"serial", "decided_by", "returned_by"}),
    "payout_vouchers": frozenset({"kind", "uploaded_by"}),
    "payout_locks": frozenset(
        {
            "detail",
            "locked_by",
            "first_by",
            "unlocked_by",
        }
    ),
    "pickup_shops": frozenset({"name", "region", "detail", "hours", "phone"}),
    "poster_templates": frozenset({"name", "layout"}),
    "product_imports": frozenset({"filename", "lines", "report", "uploaded_by", "applied_by"}),
    "product_scenes": frozenset({"qr_ticket", "qr_url"}),
    "product_tokens": frozenset({"token"}),
    "products": frozenset(
        {"title", "code", "subtitle", "description", "pictures", "unit", "tags", "specs"}
    ),
    "reconciled_days": frozenset({"sums"}),
    "reconciliation_breaks": frozenset(
        {
            "reference",
            "wx_number",
            "closed_by",
        }
    ),
    "referral_codes": frozenset({"code", "qr_ticket", "qr_url"}),
    "refunds": frozenset({"out_refund_no", "reason", "refund_id", "fail_reason"}),
    "reply_keywords": frozenset({"keyword", "exact_key"}),
    "reply_rules": frozenset(
        {"content", "title", "description", "picture_url", "url", "updated_by"}
    ),
    "reviews": frozenset({"title", "sku_name", "replied_by"}),
    "risk_flags": frozenset({"key", "decided_by"}),
    "scans": frozenset({"code"}),
    "sales_targets": frozenset({"set_by"}),
    "setting_changes": frozenset({"key", "value", "changed_by"}),
    "setting_proposals": frozenset(
        {"key", "open_key", "before", "value", "proposed_by", "decided_by"}
    ),
    "sku_forecasts": frozenset({"units"}),
    "skus": frozenset({"name", "spec_values", "code", "picture"}),
    "state_moves": frozenset({"subject", "from_state", "to_state", "actor"}),
    "stock_moves": frozenset({"key", "actor"}),
    "training_articles": frozenset({"title", "summary", "body"}),
    "transfer_bills": frozenset({"out_bill_no", "transfer_bill_no"}),
    "transfer_grants": frozenset({"out_authorization_no", "authorization_id"}),
    "withdrawal_payees": frozenset({"bank_name"}),
    "withdrawal_taxes": frozenset({"version", "month"}),
    "withdrawals": frozenset({"number", "request_key", "first_reviewer", "reviewer"}),
}


class Undecided(Exception):
    """Text columns of which nobody said whether they name a person."""


class NotEmpty(Exception):
    """The target holds something already."""


def undecided() -> list[str]:
    """Text columns that are neither kept nor replaced; sealed ones are never kept."""
    found = []
    for table in db.metadata.sorted_tables:
        known = KEPT.get(table.name, frozenset()) | REPLACED.get(table.name, {}).keys()
        texts = [c.name for c in table.columns if _is_text(c) and table.name not in LEFT_OUT]
        found += [f"{table.name}.{name}" for name in texts if name not in known]
    return found


def _is_text(column: sa.Column[Any]) -> bool:
    if isinstance(column.type, sa.Enum):
        return False
    return isinstance(column.type, (sa.String, sa.JSON, EncryptedText))


def copy(target: sa.Engine) -> int:
    """Write the copy into an empty database; how many rows. Raises Undecided, NotEmpty."""
    if names := undecided():
        raise Undecided(", ".join(names))
    if not is_empty(target):
        raise NotEmpty()
    db.metadata.create_all(target)
    total = 0
    source = db.engine.connect()
    if source.dialect.name != "sqlite":
        # One moment of the whole shop; READ COMMITTED would mix several.
        source = source.execution_options(isolation_level="REPEATABLE READ")
    with source, target.connect() as copied:
        # Rows come before those they point to: uplines among members.
        off = "PRAGMA foreign_keys = OFF"
        if copied.dialect.name != "sqlite":
            off = "SET FOREIGN_KEY_CHECKS = 0"
        copied.exec_driver_sql(off)
        copied.commit()
        copied.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        version = source.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        copied.execute(sa.text("INSERT INTO alembic_version VALUES (:v)"), {"v": version})
        for table in db.metadata.sorted_tables:
            if table.name not in LEFT_OUT:
                for chunk in _replaced(source, table):
                    copied.execute(sa.insert(table), chunk)
                    total += len(chunk)
        copied.commit()
    return total


def _replaced(source: sa.Connection, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    rules = REPLACED.get(table.name, {})
    rows = source.execution_options(yield_per=CHUNK).execute(sa.select(table)).mappings()
    for part in rows.partitions(CHUNK):
        yield [
            {**row, **{k: rule(row) if callable(rule) else rule for k, rule in rules.items()}}
            for row in part
        ]
