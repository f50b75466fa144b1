"""What was withheld of a person in a year, as a paper to keep (代扣税款凭证).

One paper a person and year, through all their accounts: those with the same identity
number. Only an account that was itself taxed as this person in that year gets to see the
others': whoever merely typed another's number must not learn from it what they earn. The
tax office's own record is the one that counts in a yearly return.
"""

from datetime import datetime

from app import members
from app.core import web
from app.core.money import format_yuan
from app.reports import pdf
from app.reports.statements import TaxMonth, tax_months
from app.tax import Identity
from app.withdrawals import withholding

_HEAD = ("月份", "笔数", "收入", "代扣个人所得税", "代扣增值税", "手续费", "实际到账")


def certificate(
    member_id: int, year: str, *, shop: str, identity: Identity | None, now: datetime
) -> bytes:
    """The months of `year` in which a person was paid, with their sums. Raises NoFont."""
    found = _paid_in(member_id, year, identity)
    months: dict[str, list[int]] = {}
    for month in found:
        sums = months.setdefault(month.month, [0] * len(_SUMS))
        for at, name in enumerate(_SUMS):
            sums[at] += getattr(month, name)
    total = [sum(column) for column in zip(*months.values())] or [0] * len(_SUMS)
    rows = [
        [label, str(count), *map(format_yuan, fen)]
        for label, (count, *fen) in [*sorted(months.items()), ("合计", total)]
    ]
    accounts = members.names_of({month.member_id for month in found} | {member_id})
    notes = [
        "按提现申请所在的月份统计已到账的提现；退回的不计。",
        "本凭证供你核对，年度汇算以税务机关（个人所得税 App）的记录为准。",
    ]
    if len(accounts) > 1:
        notes.insert(0, f"同一身份证号码的 {len(accounts)} 个账号合并列出。")
    return pdf.document(
        f"{year} 年佣金收入与代扣税款凭证",
        shop=shop,
        facts=[
            ("扣缴单位", shop),
            ("所得项目", "劳务报酬所得"),
            ("姓名", identity.name if identity else "未填写"),
            ("身份证号码", identity.masked_number if identity else "未填写"),
            ("会员编号", "、".join(accounts[owner].public_id for owner in sorted(accounts))),
            ("金额单位", "人民币元"),
        ],
        tables=[
            pdf.Table(
                "按月合计",
                _HEAD,
                rows,
                (16, 10, 24, 26, 22, 20, 24),
                frozenset(range(1, 7)),
            )
        ],
        notes=notes,
        made_at=web.full_time(now),
        now=now,
    )


_SUMS = ("count", "gross_fen", "tax_fen", "vat_fen", "fee_fen", "net_fen")


def _paid_in(member_id: int, year: str, identity: Identity | None) -> list[TaxMonth]:
    first, last = f"{year}-01", f"{year}-12"
    own = tax_months(first, last, member_id=member_id)
    if identity is None or not withholding.was_taxed_as(member_id, identity.person, year):
        return own
    return tax_months(first, last, person=identity.person)
