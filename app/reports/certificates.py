"""What was withheld of a member in a year, as a paper to keep (代扣税款凭证).

Of this account only: whoever knows another's identity number must not learn from it
what they earn. The tax office's own record is the one that counts in a yearly return.
"""

from datetime import datetime

from app import members
from app.core import web
from app.core.money import format_yuan
from app.reports import pdf
from app.reports.statements import tax_months
from app.tax import Identity

_HEAD = ("月份", "笔数", "收入", "代扣个人所得税", "代扣增值税", "手续费", "实际到账")


def certificate(
    member_id: int, year: str, *, shop: str, identity: Identity | None, now: datetime
) -> bytes:
    """The months of `year` in which a member was paid, with their sums. Raises NoFont."""
    months = tax_months(f"{year}-01", f"{year}-12", member_id=member_id)
    sums = [
        sum(getattr(month, name) for month in months)
        for name in ("count", "gross_fen", "tax_fen", "vat_fen", "fee_fen", "net_fen")
    ]
    rows = [
        [month.month, str(month.count)]
        + [
            format_yuan(fen)
            for fen in (
                month.gross_fen,
                month.tax_fen,
                month.vat_fen,
                month.fee_fen,
                month.net_fen,
            )
        ]
        for month in months
    ]
    rows.append(["合计", str(sums[0]), *(format_yuan(fen) for fen in sums[1:])])
    member = members.get(member_id)
    return pdf.document(
        f"{year} 年佣金收入与代扣税款凭证",
        shop=shop,
        facts=[
            ("扣缴单位", shop),
            ("所得项目", "劳务报酬所得"),
            ("姓名", identity.name if identity else "未填写"),
            ("身份证号码", identity.masked_number if identity else "未填写"),
            ("会员编号", member.public_id),
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
        notes=[
            "按提现申请所在的月份统计已到账的提现；退回的不计。",
            "本凭证供你核对，年度汇算以税务机关（个人所得税 App）的记录为准。",
        ],
        made_at=web.full_time(now),
        now=now,
    )
