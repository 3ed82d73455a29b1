"""Tables that fit the screen: text is folded, columns are left out, numbers are never cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cryptoorders_redis.cli.screen import make_cell
from cryptoorders_redis.order import Order, OrderStatus

TABLE_ROWS = 1000
"""The maximum number of orders in one table. A longer listing becomes several tables."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: The heading.
        cells: The texts, one a row.
        footer: The text under the column, such as a total.
        is_number: Whether to align the texts to the right.
        style: The style of the texts, such as a colour.
        min_width: The width to which the texts may be folded. None keeps each cell on one line.
        drop_rank: The column with the highest rank is left out first if the table is too wide. Rank 0 always
            stays.
    """

    name: str
    cells: Sequence[Text]
    footer: str = ""
    is_number: bool = False
    style: str = ""
    min_width: int | None = None
    drop_rank: int = 0

    def narrowest(self) -> int:
        width = max(len(self.name), len(self.footer), *(text.cell_len for text in self.cells), 0)
        return width if self.min_width is None else min(width, max(len(self.name), self.min_width))


def make_table(columns: Iterable[Column], width: int, *, show_footer: bool = False) -> Table | None:
    """Make a table of the columns that fit the width. Return None if the columns of rank 0 do not fit."""
    shown = list(columns)
    while _min_table_width(shown) > width:
        dropped = max(shown, key=lambda column: column.drop_rank)
        if not dropped.drop_rank:
            return None
        shown.remove(dropped)
    table = Table(box=box.SIMPLE_HEAD, show_footer=show_footer)
    for column in shown:
        table.add_column(
            column.name,
            column.footer,
            justify="right" if column.is_number else "left",
            overflow="fold",
            no_wrap=column.min_width is None,
            style=column.style,
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*row)
    return table


def _min_table_width(columns: Sequence[Column]) -> int:
    frame = 3 * len(columns) + 1
    return frame + sum(column.narrowest() for column in columns)


def make_orders_table(orders: Iterable[Order], width: int) -> RenderableType:
    """Make a table of orders, or lines of "name value" if their numbers are too long for a table.

    No text in it is read as markup.
    """
    orders = list(orders)
    columns = (
        Column("order", [make_cell(order.order_id) for order in orders], min_width=12),
        Column("user", [make_cell(order.user_id) for order in orders], min_width=8, drop_rank=1),
        Column("currency", [make_cell(order.currency) for order in orders], min_width=8, drop_rank=2),
        Column("amount", [Text(format(order.amount, "f")) for order in orders], is_number=True),
        Column("price", [Text(format(order.price, "f")) for order in orders], is_number=True),
        Column("status", [_format_status(order) for order in orders]),
        Column("placed (UTC)", [Text(f"{order.placed_at:%m-%d %H:%M:%S}") for order in orders], drop_rank=3),
    )
    table = make_table(columns, width)
    if table:
        return table
    lines: list[RenderableType] = [Text()]
    for row in zip(*(column.cells for column in columns), strict=True):
        named = zip(columns, row, strict=True)
        lines += [Text.assemble(f"  {column.name:<13}", value, overflow="fold") for column, value in named]
        lines.append(Text())
    return Group(*lines)


def print_orders(orders: Iterable[Order]) -> None:
    """Print orders in tables of at most `TABLE_ROWS` rows, so that memory stays flat."""
    orders = iter(orders)
    rows = list(islice(orders, TABLE_ROWS))
    if not rows:
        print("no live orders")
    while rows:
        console = Console()
        console.print(make_orders_table(rows, console.width))
        rows = list(islice(orders, TABLE_ROWS))


def _format_status(order: Order) -> Text:
    return Text(order.status, style="yellow" if order.status is OrderStatus.PAUSED else "green")
