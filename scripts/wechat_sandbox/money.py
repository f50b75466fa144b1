"""The merchant's account: balance, fees and the flow that the bills show."""

START_FEN = 1_000_000_00
FEE_BPS = 60  # 0.60 %, as the trade bill prints it.


def fee_fen(total_fen: int) -> int:
    """WeChat's fee on an amount, half a fen up."""
    return (total_fen * FEE_BPS + 5000) // 10000


def balance_fen(store) -> int:
    return store.get("balance_fen", START_FEN)


def frozen_fen(store) -> int:
    """Locked by transfers that are neither paid nor closed."""
    row = store.one(
        "SELECT COALESCE(SUM(amount_fen), 0) AS fen FROM transfers"
        " WHERE state NOT IN ('SUCCESS', 'FAIL', 'CANCELLED')"
    )
    return row["fen"]


def available_fen(store) -> int:
    return balance_fen(store) - frozen_fen(store)


def move(
    store, *, amount_fen: int, bill_no: str, business: str, kind: str, note: str, voucher: str
) -> None:
    """Change the balance and write the flow line; negative leaves the account."""
    with store.tx():
        balance = balance_fen(store) + amount_fen
        store.put("balance_fen", balance)
        store.insert(
            "fund_flow",
            at=store.now(),
            bill_no=bill_no,
            business=business,
            kind=kind,
            amount_fen=amount_fen,
            balance_fen=balance,
            note=note,
            voucher=voucher,
        )


def yuan(fen: int) -> str:
    """For bills, which are in yuan with two decimals."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"
