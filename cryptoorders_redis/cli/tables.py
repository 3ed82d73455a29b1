"""Tables that fit a screen: text is folded, columns are left out, and numbers stay whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cryptoorders_redis.cli.screen import cell
from cryptoorders_redis.order import Order, OrderStatus

TABLE_ROWS = 1000
"""A longer listing is shown as several tables, the first of them at once."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        least: the width to which its text may be folded; None keeps each cell on one line.
        dropped: which column is left out first where there is no room: the one with the highest number.
            One with 0 always stays.
    """

    name: str
    cells: Sequence[Text]
    footer: str = ""
    is_number: bool = False
    style: str = ""
    least: int | None = None
    dropped: int = 0

    def least_width(self) -> int:
        width = max(len(self.name), len(self.footer), *(text.cell_len for text in self.cells), 0)
        return width if self.least is None else min(width, max(len(self.name), self.least))


def fitting_table(columns: Iterable[Column], width: int, *, show_footer: bool = False) -> Table | None:
    """Return a table of the columns for which the width is enough; None if it is not for those that stay."""
    shown = list(columns)
    while _least_width(shown) > width:
        first = max(shown, key=lambda column: column.dropped)
        if not first.dropped:
            return None
        shown.remove(first)
    table = Table(box=box.SIMPLE_HEAD, show_footer=show_footer)
    for column in shown:
        table.add_column(
            column.name,
            column.footer,
            justify="right" if column.is_number else "left",
            overflow="fold",
            no_wrap=column.least is None,
            style=column.style,
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*row)
    return table


def _least_width(columns: Sequence[Column]) -> int:
    frame = 3 * len(columns) + 1
    return frame + sum(column.least_width() for column in columns)


def orders_table(orders: Iterable[Order], width: int) -> RenderableType:
    """Return a table of orders; lines of "name value" where their numbers are too long for one.

    Nothing in it is read as markup.
    """
    orders = list(orders)
    columns = (
        Column("order", [cell(order.order_id) for order in orders], least=12),
        Column("user", [cell(order.user_id) for order in orders], least=8, dropped=1),
        Column("currency", [cell(order.currency) for order in orders], least=8, dropped=2),
        Column("amount", [Text(format(order.amount, "f")) for order in orders], is_number=True),
        Column("price", [Text(format(order.price, "f")) for order in orders], is_number=True),
        Column("status", [_status(order) for order in orders]),
        Column("placed (UTC)", [Text(f"{order.placed_at:%m-%d %H:%M:%S}") for order in orders], dropped=3),
    )
    table = fitting_table(columns, width)
    if table:
        return table
    lines: list[RenderableType] = [Text()]
    for row in zip(*(column.cells for column in columns), strict=True):
        named = zip(columns, row, strict=True)
        lines += [Text.assemble(f"  {column.name:<13}", value, overflow="fold") for column, value in named]
        lines.append(Text())
    return Group(*lines)


def show_tables(orders: Iterable[Order]) -> None:
    """Write orders as tables of at most `TABLE_ROWS`, so that memory stays flat."""
    orders = iter(orders)
    rows = list(islice(orders, TABLE_ROWS))
    if not rows:
        print("no live orders")
    while rows:
        console = Console()
        console.print(orders_table(rows, console.width))
        rows = list(islice(orders, TABLE_ROWS))


def _status(order: Order) -> Text:
    return Text(order.status, style="yellow" if order.status is OrderStatus.PAUSED else "green")
