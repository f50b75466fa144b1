"""The arithmetic of commissions: worked examples of each rule, and what always holds."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.commission.quote import (
    Base,
    InactiveUpline,
    Line,
    Mode,
    Person,
    Plan,
    Rate,
    SelfPurchase,
    Step,
    TierBy,
    after_refund,
    quote,
)
from app.core.money import share_fen

PLAN = Plan(
    depth_cap=3,
    base=Base.PAID,
    mode=Mode.FIXED,
    self_purchase=SelfPurchase.OFF,
    inactive_upline=InactiveUpline.SKIP,
    line_cap_bps=10_000,
    default={1: Rate(bps=1000), 2: Rate(bps=500), 3: Rate(bps=200)},
)
BUYER = Person(1, None, is_active=False)
UPLINES = [Person(n, "normal", is_active=True) for n in (2, 3, 4, 5)]
LINE = Line(
    id="1", product_id=7, category_ids=[3, 1], quantity=2, paid_fen=100_00, unit_cost_fen=30_00
)


def amounts(
    plan: Plan = PLAN,
    line: Line = LINE,
    uplines: list[Person] | None = None,
    buyer: Person = BUYER,
) -> list[tuple[int, int, int, str]]:
    (result,) = quote(
        plan, buyer=buyer, uplines=UPLINES if uplines is None else uplines, lines=[line]
    )
    return [(s.depth, s.beneficiary_id, s.amount_fen, s.source) for s in result.shares]


def idle(person: Person) -> Person:
    return replace(person, is_active=False)


def test_each_depth_has_its_own_rate_up_to_the_cap():
    assert amounts() == [
        (1, 2, 10_00, "default"),
        (2, 3, 5_00, "default"),
        (3, 4, 2_00, "default"),
    ]


def test_nobody_earns_beyond_the_depth_cap():
    assert amounts(replace(PLAN, depth_cap=1)) == [(1, 2, 10_00, "default")]


def test_a_share_rounds_down():
    assert amounts(line=replace(LINE, paid_fen=9_99)) == [
        (1, 2, 99, "default"),
        (2, 3, 49, "default"),
        (3, 4, 19, "default"),
    ]


def test_profit_is_what_is_left_after_the_cost_of_all_pieces():
    assert amounts(replace(PLAN, base=Base.PROFIT, depth_cap=1)) == [(1, 2, 4_00, "default")]


def test_a_line_sold_below_cost_earns_nothing_on_profit():
    assert amounts(replace(PLAN, base=Base.PROFIT), replace(LINE, unit_cost_fen=60_00)) == []


def test_an_inactive_upline_keeps_the_seat_with_skip():
    uplines = [idle(UPLINES[0]), *UPLINES[1:]]

    assert amounts(uplines=uplines) == [(2, 3, 5_00, "default"), (3, 4, 2_00, "default")]


def test_an_inactive_upline_leaves_the_list_with_compress():
    uplines = [idle(UPLINES[0]), *UPLINES[1:]]

    assert amounts(replace(PLAN, inactive_upline=InactiveUpline.COMPRESS), uplines=uplines) == [
        (1, 3, 10_00, "default"),
        (2, 4, 5_00, "default"),
        (3, 5, 2_00, "default"),
    ]


def test_an_active_buyer_sits_in_front_with_self_purchase():
    plan = replace(PLAN, self_purchase=SelfPurchase.FIRST_LEVEL)

    assert amounts(plan, buyer=replace(BUYER, is_active=True)) == [
        (1, 1, 10_00, "default"),
        (2, 2, 5_00, "default"),
        (3, 3, 2_00, "default"),
    ]
    assert amounts(plan)[0] == (1, 2, 10_00, "default")


def test_the_nearest_table_that_holds_the_depth_gives_the_rate():
    plan = replace(
        PLAN,
        levels={"normal": {1: Rate(bps=100), 2: Rate(bps=100), 3: Rate(bps=100)}},
        categories={1: {1: Rate(bps=300), 2: Rate(bps=300)}, 3: {1: Rate(bps=400)}},
        products={7: {3: Rate(fen=50)}},
    )

    assert amounts(plan) == [
        (1, 2, 4_00, "category:3"),
        (2, 3, 3_00, "category:1"),
        (3, 4, 1_00, "product:7"),
    ]


def test_an_excluded_product_earns_nothing():
    assert amounts(replace(PLAN, products={7: None})) == []


def test_a_rate_in_fen_counts_pieces_and_stays_within_the_base():
    plan = replace(PLAN, depth_cap=1, default={1: Rate(fen=30_00)})

    assert amounts(plan) == [(1, 2, 60_00, "default")]
    assert amounts(plan, replace(LINE, paid_fen=50_00)) == [(1, 2, 50_00, "default")]


def test_a_tier_is_the_last_step_that_was_reached():
    by_order = Rate(tier_by=TierBy.ORDER_PAID, steps=(Step(100_00, bps=200), Step(200_00, bps=300)))
    plan = replace(PLAN, depth_cap=1, default={1: by_order})

    assert amounts(plan, replace(LINE, paid_fen=99_99)) == []
    assert amounts(plan, replace(LINE, paid_fen=100_00)) == [(1, 2, 2_00, "default")]
    assert amounts(plan, replace(LINE, paid_fen=200_00)) == [(1, 2, 6_00, "default")]


def test_a_tier_by_order_counts_excluded_lines_too():
    by_order = Rate(tier_by=TierBy.ORDER_PAID, steps=(Step(200_00, bps=300),))
    plan = replace(PLAN, depth_cap=1, default={1: by_order}, products={9: None})
    excluded = replace(LINE, id="2", product_id=9)

    first, second = quote(plan, buyer=BUYER, uplines=UPLINES, lines=[LINE, excluded])

    assert [s.amount_fen for s in first.shares] == [3_00]
    assert second.shares == []


def test_a_tier_by_margin_may_begin_below_zero():
    by_margin = Rate(tier_by=TierBy.MARGIN, steps=(Step(-5000, bps=100), Step(4000, bps=500)))
    plan = replace(PLAN, depth_cap=1, default={1: by_margin})

    assert amounts(plan) == [(1, 2, 5_00, "default")]
    assert amounts(plan, replace(LINE, unit_cost_fen=70_00)) == [(1, 2, 1_00, "default")]
    assert amounts(plan, replace(LINE, unit_cost_fen=80_00)) == []


def test_the_nearest_take_from_the_cap_first():
    plan = replace(PLAN, line_cap_bps=1200)

    (result,) = quote(plan, buyer=BUYER, uplines=UPLINES, lines=[LINE])

    assert [(s.depth, s.uncapped_fen, s.amount_fen) for s in result.shares] == [
        (1, 10_00, 10_00),
        (2, 5_00, 2_00),
    ]


def test_differential_pays_only_what_exceeds_the_nearer_seats():
    plan = replace(
        PLAN,
        mode=Mode.DIFFERENTIAL,
        levels={"gold": {1: Rate(bps=1500)}, "star": {1: Rate(bps=2000)}},
    )
    uplines = [UPLINES[0], replace(UPLINES[1], level="star"), replace(UPLINES[2], level="gold")]

    assert amounts(plan, uplines=uplines) == [(1, 2, 10_00, "default"), (2, 3, 10_00, "level:star")]


def test_differential_looks_at_every_nearer_seat_and_not_at_the_nearest():
    plan = replace(
        PLAN,
        mode=Mode.DIFFERENTIAL,
        levels={"gold": {1: Rate(bps=1500)}, "star": {1: Rate(bps=2000)}},
    )
    uplines = [replace(UPLINES[0], level="star"), UPLINES[1], replace(UPLINES[2], level="gold")]

    assert amounts(plan, uplines=uplines) == [(1, 2, 20_00, "level:star")]


def test_an_inactive_seat_counts_as_nothing_in_differential():
    plan = replace(PLAN, mode=Mode.DIFFERENTIAL, levels={"star": {1: Rate(bps=2000)}})
    uplines = [idle(replace(UPLINES[0], level="star")), UPLINES[1]]

    assert amounts(plan, uplines=uplines) == [(2, 3, 10_00, "default")]


def test_after_a_refund_the_whole_counts_and_not_the_last_step():
    assert after_refund(10_00, paid_fen=30_00, refunded_fen=10_00) == 6_66
    assert after_refund(10_00, paid_fen=30_00, refunded_fen=20_00) == 3_33
    assert after_refund(10_00, paid_fen=30_00, refunded_fen=30_00) == 0
    assert after_refund(10_00, paid_fen=30_00, refunded_fen=0) == 10_00


# --- what always holds ---------------------------------------------------------

BPS = st.integers(0, 10_000)
STEP_BPS = st.lists(
    st.tuples(st.integers(-10_000, 200_00), BPS), min_size=1, max_size=3, unique_by=lambda s: s[0]
).map(lambda pairs: tuple(Step(start, bps=bps) for start, bps in sorted(pairs)))
RATES = st.one_of(
    BPS.map(lambda n: Rate(bps=n)),
    st.integers(0, 100_00).map(lambda n: Rate(fen=n)),
    st.builds(lambda by, steps: Rate(tier_by=by, steps=steps), st.sampled_from(TierBy), STEP_BPS),
)
TABLES = st.dictionaries(st.integers(1, 3), RATES, max_size=3)
PLANS = st.builds(
    Plan,
    depth_cap=st.integers(1, 3),
    base=st.sampled_from(Base),
    mode=st.sampled_from(Mode),
    self_purchase=st.sampled_from(SelfPurchase),
    inactive_upline=st.sampled_from(InactiveUpline),
    line_cap_bps=BPS,
    default=TABLES,
    levels=st.dictionaries(st.sampled_from(["normal", "gold"]), TABLES),
    categories=st.dictionaries(st.integers(1, 3), TABLES, max_size=2),
    products=st.dictionaries(st.integers(7, 9), st.none() | TABLES, max_size=2),
)
LEVELS = st.sampled_from([None, "normal", "gold"])
CHAINS = st.lists(st.tuples(LEVELS, st.booleans()), max_size=4).map(
    lambda rows: [Person(n, level, active) for n, (level, active) in enumerate(rows, start=2)]
)
BUYERS = st.builds(Person, id=st.just(1), level=LEVELS, is_active=st.booleans())
LINES = st.lists(
    st.builds(
        Line,
        id=st.just(""),
        product_id=st.integers(7, 10),
        category_ids=st.lists(st.integers(1, 3), max_size=2, unique=True),
        quantity=st.integers(1, 999),
        paid_fen=st.integers(0, 500_000_00),
        unit_cost_fen=st.integers(0, 10_000_00),
    ),
    min_size=1,
    max_size=4,
).map(lambda lines: [replace(line, id=str(n)) for n, line in enumerate(lines)])


@given(plan=PLANS, buyer=BUYERS, uplines=CHAINS, lines=LINES)
def test_shares_are_positive_and_stay_within_cap_and_depth(plan, buyer, uplines, lines):
    for result in quote(plan, buyer=buyer, uplines=uplines, lines=lines):
        parts = [share.amount_fen for share in result.shares]
        assert all(part > 0 for part in parts)
        assert sum(parts) <= share_fen(result.line.paid_fen, plan.line_cap_bps)
        assert all(s.amount_fen <= s.uncapped_fen <= result.base_fen for s in result.shares)
        depths = [share.depth for share in result.shares]
        assert depths == sorted(set(depths))
        assert not depths or depths[-1] <= plan.depth_cap


@given(plan=PLANS, buyer=BUYERS, uplines=CHAINS, lines=LINES)
def test_only_active_people_of_the_chain_earn(plan, buyer, uplines, lines):
    allowed = {person.id for person in [buyer, *uplines] if person.is_active}

    results = quote(plan, buyer=buyer, uplines=uplines, lines=lines)

    earning = {share.beneficiary_id for result in results for share in result.shares}
    assert earning <= allowed
    if plan.self_purchase is SelfPurchase.OFF:
        assert buyer.id not in earning


@given(plan=PLANS, buyer=BUYERS, uplines=CHAINS, lines=LINES, random=st.randoms())
def test_the_order_of_lines_does_not_matter(plan, buyer, uplines, lines, random):
    shuffled = random.sample(lines, len(lines))

    one = {r.line.id: r for r in quote(plan, buyer=buyer, uplines=uplines, lines=lines)}
    other = {r.line.id: r for r in quote(plan, buyer=buyer, uplines=uplines, lines=shuffled)}

    assert one == other


@given(plan=PLANS, uplines=CHAINS, lines=LINES)
def test_differential_pays_the_largest_full_share_in_all(plan, uplines, lines):
    plan = replace(
        plan,
        mode=Mode.DIFFERENTIAL,
        self_purchase=SelfPurchase.OFF,
        line_cap_bps=10_000,
        inactive_upline=InactiveUpline.SKIP,
    )

    together = quote(plan, buyer=BUYER, uplines=uplines, lines=lines)

    alone = [
        quote(plan, buyer=BUYER, uplines=[person], lines=lines)
        for person in uplines[: plan.depth_cap]
    ]
    for number, result in enumerate(together):
        largest = max((sum(s.amount_fen for s in one[number].shares) for one in alone), default=0)
        assert sum(share.amount_fen for share in result.shares) == largest


@given(
    amount=st.integers(1, 500_000_00),
    paid=st.integers(1, 500_000_00),
    parts=st.lists(st.integers(0, 500_000_00), max_size=6),
)
def test_any_split_of_refunds_ends_the_same(amount, paid, parts):
    standing, refunded = amount, 0
    for part in parts:
        refunded = min(paid, refunded + part)
        standing = after_refund(amount, paid_fen=paid, refunded_fen=refunded)

    assert standing == after_refund(amount, paid_fen=paid, refunded_fen=refunded)
    assert 0 <= standing <= amount
    assert after_refund(amount, paid_fen=paid, refunded_fen=paid) == 0


@given(
    amount=st.integers(1, 500_000_00),
    paid=st.integers(1, 500_000_00),
    data=st.data(),
)
def test_a_larger_refund_never_leaves_more(amount, paid, data):
    less = data.draw(st.integers(0, paid))
    more = data.draw(st.integers(less, paid))

    assert after_refund(amount, paid_fen=paid, refunded_fen=more) <= after_refund(
        amount, paid_fen=paid, refunded_fen=less
    )
