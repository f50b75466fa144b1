"""The simulator by hand: one product and any chain of people, each step in words."""

from dataclasses import dataclass, field

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app import catalog, commission
from app.admin import words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.commission import Line, Person, PlanVersion
from app.core import clock, web
from app.core.errors import InvalidInput
from app.core.money import format_yuan, parse_yuan, plain_yuan
from app.distribution import levels
from app.orders.models import DEPTH_MAX, QUANTITY_MAX

_FOUND_MAX = 8
NOBODY = "none"


@dataclass
class Chain:
    """What was asked: a SKU, how many, what was paid, and people by their level."""

    product: catalog.Product | None
    skus: list[catalog.Sku]
    sku: catalog.Sku | None
    quantity: str = "1"
    paid: str = ""
    # The buyer first; NOBODY, or the code of a level.
    levels: list[str] = field(default_factory=list)
    paused: list[bool] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def line(self) -> Line | None:
        """The order line that is meant; None, and why in `errors`, if it cannot be read."""
        if self.product is None or self.sku is None:
            return None
        quantity = web.whole_number(self.quantity)
        if quantity is None or not 1 <= quantity <= QUANTITY_MAX:
            self.errors["quantity"] = f"数量应为 1 到 {QUANTITY_MAX} 的整数"
            return None
        paid_fen = self.sku.price_fen * quantity
        if self.paid:
            try:
                paid_fen = parse_yuan(self.paid.replace(",", ""), field="paid", label="实付金额")
            except InvalidInput as error:
                self.errors["paid"] = error.message
                return None
        return Line(
            id="1",
            product_id=self.product.id,
            category_ids=catalog.categories_of_products([self.product.id])[self.product.id],
            quantity=quantity,
            paid_fen=paid_fen,
            unit_cost_fen=self.sku.cost_fen,
        )

    def people(self) -> list[Person]:
        """The buyer and, nearest first, whoever is above until nobody is."""
        found = [self._person(0)]
        for at in range(1, len(self.levels)):
            if self.levels[at] == NOBODY:
                break
            found.append(self._person(at))
        return found

    def _person(self, at: int) -> Person:
        level = self.levels[at]
        is_active = level != NOBODY and not self.paused[at]
        return Person(at, None if level == NOBODY else level, is_active)


@bp.get("/plans/<int:plan_id>/try")
@requires(Permission.COMMISSION_VIEW)
def plan_try(plan_id: int) -> ResponseReturnValue:
    version = commission.plan_version(plan_id)
    in_force = commission.plan_in_force(clock.now())
    current = in_force[0] if in_force else None
    known = levels.names()
    chain = _asked(known)
    sought = request.args.get("q", "").strip()[:64]
    line = chain.line()
    if chain.sku is not None and not chain.paid:
        chain.paid = plain_yuan(line.paid_fen) if line is not None else ""
    shown = [version] if current is None or current.id == version.id else [version, current]
    return render_template(
        "admin/plan_try.html",
        version=version,
        current=current,
        chain=chain,
        errors=chain.errors,
        sought=sought,
        found=_offered(sought, chain),
        sku_choices=[
            (sku.id, f"{sku.name}（¥{format_yuan(sku.price_fen)}）") for sku in chain.skus
        ],
        level_choices=list(known.items()),
        nobody=NOBODY,
        columns=[(plan, *_steps(plan, chain, line, known)) for plan in shown] if line else [],
    )


def _asked(known: dict[str, str]) -> Chain:
    args = request.args
    wanted = web.whole_number(args.get("pick", "") or args.get("product", ""))
    product = catalog.products_by_id([wanted]).get(wanted) if wanted else None
    skus = list(catalog.skus_of([product.id])) if product is not None else []
    sku_id = web.whole_number(args.get("sku", ""))
    sku = next((sku for sku in skus if sku.id == sku_id), skus[0] if skus else None)
    base = next(iter(known), NOBODY)
    chosen = [
        args.get(f"level{at}", NOBODY if at in (0, DEPTH_MAX) else base)
        for at in range(DEPTH_MAX + 1)
    ]
    # Another SKU has another price.
    is_same = sku is not None and args.get("priced", "") == f"{sku.id}x{args.get('quantity', '')}"
    return Chain(
        product,
        skus,
        sku,
        args.get("quantity", "1").strip()[:6],
        args.get("paid", "").strip()[:20] if is_same else "",
        [code if code in known else NOBODY for code in chosen],
        [args.get(f"paused{at}") == "1" for at in range(DEPTH_MAX + 1)],
    )


def _offered(sought: str, chain: Chain) -> list[catalog.Product]:
    """What the search found; before the first choice, what there is."""
    if not sought and chain.product is not None:
        return []
    page = catalog.products_page(text=sought)
    return list(page.items[:_FOUND_MAX])


def _steps(
    plan: PlanVersion, chain: Chain, line: Line, known: dict[str, str]
) -> tuple[list[tuple[str, str]], int]:
    buyer, *uplines = chain.people()
    found = commission.explain(
        commission.validate(plan.document), buyer=buyer, uplines=uplines, line=line
    )
    called = {
        person.id: words.commissions.SEAT[person.id]
        + (f" · {known[person.level]}" if person.level else "")
        for person in (buyer, *uplines)
    }
    return words.plans.explained(found, plan.document, called), found.total_fen
