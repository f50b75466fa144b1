"""How the tax of a withdrawal came about, in words (扣税说明)."""

from dataclasses import dataclass

from app import tax
from app.core.money import format_yuan
from app.tax import Method, Withheld
from app.withdrawals.models import Withholding


@dataclass(frozen=True)
class TaxStep:
    """One line of the calculation: what, how much, and how it comes about."""

    label: str
    value: str
    note: str = ""


def tax_steps(of: Withheld | Withholding) -> list[TaxStep]:
    """The calculation line by line; empty where nothing is withheld."""
    if of.method is Method.NONE:
        return []
    is_year = of.method is Method.CUMULATIVE
    this_fen = of.income_fen - of.before_gross_fen
    span = "今年累计" if is_year else "本月"
    steps = [
        TaxStep(
            f"{span}收入",
            _yuan(of.income_fen),
            f"此前 {_yuan(of.before_gross_fen)} + 本次 {_yuan(this_fen)}",
        ),
        TaxStep("减除费用", _yuan(-of.expenses_fen), _expenses_note(of)),
    ]
    if of.allowance_fen:
        each = of.allowance_fen // of.months
        steps.append(
            TaxStep("累计减除", _yuan(-of.allowance_fen), f"每月 {_yuan(each)} × {of.months} 个月")
        )
    steps += [
        TaxStep("应纳税所得额", _yuan(of.taxable_fen)),
        TaxStep(
            "应扣税额",
            _yuan(of.total_fen),
            f"{_yuan(of.taxable_fen)} × {_percent(of.rate_bps)}"
            + (f" − 速算扣除数 {_yuan(of.quick_fen)}" if of.quick_fen else ""),
        ),
        TaxStep("此前已扣", _yuan(-of.before_tax_fen)),
        TaxStep("本次代扣", _yuan(of.tax_fen), _last_note(of, this_fen)),
    ]
    return steps


def source_of(of: Withheld | Withholding) -> str:
    """The law that the figures come from."""
    return tax.by_version(of.version).source if of.version else ""


def _expenses_note(of: Withheld | Withholding) -> str:
    table = tax.by_version(of.version)
    if of.income_fen <= table.flat_up_to_fen:
        return f"收入不超过 {_yuan(table.flat_up_to_fen)}，减除 {_yuan(table.flat_fen)}"
    return f"收入的 {_percent(table.deduction_bps)}"


def _last_note(of: Withheld | Withholding, this_fen: int) -> str:
    due = of.total_fen - of.before_tax_fen
    if due < 0:
        return "此前已多扣，本次不扣；多扣的部分在年度汇算时退还"
    if due > this_fen:
        return "以本次提现金额为限，其余在下次提现时扣"
    return "应扣税额 − 此前已扣"


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}¥{format_yuan(abs(fen))}"


def _percent(bps: int) -> str:
    whole, rest = divmod(bps, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"
