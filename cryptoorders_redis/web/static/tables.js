// Tables of orders. The roles are written out: on a phone the rows are no table to the browser.

import { make, showDecimal, showText, showTime } from "./text.js";

const COLUMNS = [
  ["Order", "id"], ["User", "user"], ["Amount", "amount"], ["Currency", "currency"], ["Price", "price"],
  ["Status", "status"], ["Placed", "placed"],
];

const MAX_SHOWN_NEW = 5; // when more come at once, nothing is marked as new: it would be nearly all

function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}

export function linkTo(kind, id) {
  const link = make("a", "", showText(id));
  link.href = `#${kind}=${encodeURIComponent(id)}`;
  return link;
}

export function showStatus(status) {
  return make("span", `badge ${status.toLowerCase()}`, status.toLowerCase());
}

function makeRow(order) {
  const contents = [
    linkTo("order", order.order_id), linkTo("user", order.user_id), showDecimal(order.amount),
    showText(order.currency), showDecimal(order.price), showStatus(order.status), showTime(order.placed_at),
  ];
  const row = withRole(make("tr"), "row");
  contents.forEach((content, column) => {
    row.append(withRole(make("td", COLUMNS[column][1], content), "cell"));
  });
  return row;
}

function keyOf(order) {
  return JSON.stringify(order);
}

// Keeps the rows of orders that are still there: they keep the focus and what is selected.
export function fillTable(table, orders) {
  if (!table.tHead) {
    const head = withRole(make("tr"), "row");
    for (const [title, name] of COLUMNS) {
      const cell = withRole(make("th", name, title), "columnheader");
      cell.scope = "col";
      head.append(cell);
    }
    table.append(withRole(make("thead", "", head), "rowgroup"), withRole(make("tbody"), "rowgroup"));
  }
  const [body] = table.tBodies;
  const there = new Map([...body.rows].map((row) => [row.orderKey, row]));
  const wanted = new Set(orders.map(keyOf));
  const isCalm = there.size > 0 && [...wanted].filter((key) => !there.has(key)).length <= MAX_SHOWN_NEW;
  for (const [key, row] of there) {
    if (!wanted.has(key)) row.remove();
  }
  orders.forEach((order, index) => {
    const key = keyOf(order);
    if (body.rows[index]?.orderKey === key) return;
    const row = there.get(key) ?? makeRow(order);
    row.orderKey = key;
    row.classList.toggle("new", isCalm && !there.has(key));
    body.insertBefore(row, body.rows[index] ?? null);
  });
}
