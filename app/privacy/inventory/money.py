"""What the member earned, and the wallet's lines and withdrawals."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app import members
from app.commission import Commission, bonus
from app.core.db import db
from app.ledger import Account, Entry
from app.orders import Order
from app.privacy.inventory.reading import TAX_LAW, every, read
from app.privacy.parts import Section
from app.withdrawals import Withdrawal


def earned(member_id: int) -> list[Section]:
    commissions: Sequence[Commission] = every(
        sa.select(Commission).filter_by(member_id=member_id).order_by(Commission.id)
    )
    buyers = dict(
        db.session.execute(
            sa.select(Order.id, Order.member_id).where(
                Order.id.in_({row.order_id for row in commissions})
            )
        ).all()
    )
    names = members.names_of(buyers.values())
    columns = (
        ("created_at", "时间"),
        ("buyer", "买家"),
        ("depth", "层级"),
        ("base_fen", "计佣金额"),
        ("amount_fen", "佣金"),
        ("status", "状态"),
    )
    entry_columns = (
        ("at", "时间"),
        ("account", "账户"),
        ("event", "事由"),
        ("amount_fen", "变动"),
    )
    entries: Sequence[Entry] = every(
        sa.select(Entry)
        .join(Account)
        .where(Account.owner_id == member_id)
        .options(joinedload(Entry.account), joinedload(Entry.posting))
        .order_by(Entry.id)
    )
    withdrawal_columns = (
        ("number", "提现单号"),
        ("channel", "到账方式"),
        ("gross_fen", "提现金额"),
        ("tax_fen", "个人所得税"),
        ("vat_fen", "增值税"),
        ("fee_fen", "手续费"),
        ("net_fen", "到账金额"),
        ("status", "状态"),
        ("created_at", "申请时间"),
        ("ended_at", "结束时间"),
    )
    withdrawals = every(
        sa.select(Withdrawal).filter_by(member_id=member_id).order_by(Withdrawal.id)
    )
    kept = "税收征管法要求 10 年；注销后不再对应到你本人"
    bonus_columns = (
        ("name", "返利"),
        ("period", "周期"),
        ("value", "业绩"),
        ("amount", "金额"),
        ("state", "状态"),
        ("reason", "说明"),
    )
    bonuses = every(
        sa.select(bonus.BonusResult).filter_by(member_id=member_id).order_by(bonus.BonusResult.id)
    )
    return [
        Section(
            "bonuses",
            "返利",
            TAX_LAW,
            kept,
            bonus_columns,
            [
                {
                    "name": row.version.name,
                    "period": row.run.label,
                    "value": bonus.wording.value(row.program.metric, row.result.value),
                    "amount": bonus.wording.amount(row.program.reward, row.result.standing_fen),
                    "state": row.result.state,
                    "reason": row.result.reason,
                }
                for row in bonus.queries.with_facts(bonuses)
            ],
        ),
        Section(
            "commissions",
            "佣金",
            TAX_LAW,
            kept,
            columns,
            [
                {
                    "created_at": row.created_at,
                    "buyer": "本人"
                    if buyers[row.order_id] == member_id
                    else names[buyers[row.order_id]].masked_name,
                    "depth": row.depth,
                    "base_fen": row.base_fen,
                    "amount_fen": row.amount_fen,
                    "status": row.status,
                }
                for row in commissions
            ],
        ),
        Section(
            "wallet",
            "钱包流水",
            TAX_LAW,
            kept,
            entry_columns,
            [
                {
                    "at": row.posting.at,
                    "account": row.account.kind,
                    "event": row.posting.event,
                    "amount_fen": row.amount_fen,
                }
                for row in entries
            ],
        ),
        Section(
            "withdrawals",
            "提现",
            TAX_LAW,
            kept,
            withdrawal_columns,
            read(withdrawals, withdrawal_columns),
        ),
    ]
