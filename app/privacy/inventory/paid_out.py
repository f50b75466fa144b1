"""Whom a withdrawal was paid to, under which grant, and what was withheld of it."""

import sqlalchemy as sa

from app.core.db import db
from app.privacy.inventory.reading import TAX_LAW, UNTIL_GONE, every, read
from app.privacy.parts import Section
from app.tax import Identity
from app.withdrawals import PayeeAccount, TransferGrant, Withdrawal, WithdrawalPayee, Withholding


def withheld(member_id: int) -> list[Section]:
    columns = (("name", "姓名"), ("number", "身份证号码"), ("created_at", "填写时间"))
    rows = every(sa.select(Identity).filter_by(member_id=member_id))
    held_columns = (
        ("month", "月份"),
        ("method", "代扣方式"),
        ("gross_fen", "提现金额"),
        ("taxable_fen", "应纳税所得额"),
        ("rate_bps", "税率（万分比）"),
        ("tax_fen", "代扣税额"),
        ("reversed_at", "退回时间"),
    )
    held = every(
        sa.select(Withholding).filter_by(member_id=member_id).order_by(Withholding.withdrawal_id)
    )
    return [
        Section(
            "identity",
            "实名信息",
            "代扣个人所得税、向税务机关报送、请微信支付核对收款人姓名，加密保存",
            "没有代扣过税款时随时可删除；代扣过的依法保存 10 年",
            columns,
            read(rows, columns),
        ),
        Section(
            "withheld",
            "代扣税款",
            TAX_LAW,
            "税收征管法要求 10 年",
            held_columns,
            read(held, held_columns),
        ),
    ]


def payees(member_id: int) -> list[Section]:
    shared = (
        ("channel", "到账方式"),
        ("bank_name", "银行"),
        ("holder", "收款人"),
        ("account", "账号"),
    )
    columns = (*shared, ("created_at", "添加时间"))
    rows = every(sa.select(PayeeAccount).filter_by(member_id=member_id).order_by(PayeeAccount.id))
    paid = db.session.execute(
        sa.select(Withdrawal.number, WithdrawalPayee)
        .join(WithdrawalPayee, WithdrawalPayee.withdrawal_id == Withdrawal.id)
        .where(Withdrawal.member_id == member_id)
        .order_by(Withdrawal.id)
    ).all()
    grant_columns = (
        ("out_authorization_no", "授权单号"),
        ("status", "状态"),
        ("created_at", "申请时间"),
        ("active_at", "生效时间"),
        ("closed_at", "关闭时间"),
    )
    granted = every(
        sa.select(TransferGrant).filter_by(member_id=member_id).order_by(TransferGrant.id)
    )
    return [
        Section(
            "transfer_grants",
            "提现自动到账（免确认收款授权）",
            "你同意后，微信支付把提现直接存入你的零钱；向微信支付提供你的昵称，显示在授权页上",
            "注销时在微信支付关闭，只留授权单号和时间，作为付款依据",
            grant_columns,
            read(granted, grant_columns),
        ),
        Section(
            "payees",
            "收款账户",
            "把提现付到你的银行卡或支付宝，加密保存",
            UNTIL_GONE,
            columns,
            read(rows, columns),
        ),
        Section(
            "withdrawal_payees",
            "提现的收款人",
            "证明每笔提现付给了谁；微信支付核对收款人姓名",
            "付到银行卡和支付宝的，作为付款凭证依法加密保存 10 年；其余在注销时删除",
            (("number", "提现单号"), *shared),
            [
                {"number": number, **{name: getattr(payee, name) for name, _ in shared}}
                for number, payee in paid
            ],
        ),
    ]
