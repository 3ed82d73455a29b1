// The search. What is searched stands in the address of the page, so a result can be sent to somebody.

import { fillTable, linkTo, showStatus } from "./tables.js";
import { fillTime, groupDigits, make, showDecimal, showText, showTime } from "./text.js";

const byId = (id) => document.getElementById(id);
let number = 0; // of the search: only the answer to the last one is shown

function readAddress() {
  const [kind, id] = location.hash.slice(1).split(/=(.*)/s);
  if ((kind !== "order" && kind !== "user") || id === undefined) return null;
  try {
    return { kind, id: decodeURIComponent(id) };
  } catch {
    return null;
  }
}

async function ask(kind, id) {
  try {
    const response = await fetch(`${kind}?id=${encodeURIComponent(id)}`, { headers: { accept: "application/json" } });
    if (!response.headers.get("content-type")?.startsWith("application/json")) {
      return { error: "the server gave no answer; if your login has ended, reload the page" };
    }
    return await response.json();
  } catch {
    return { error: "the server of this page cannot be reached" };
  }
}

function showDetails(order) {
  const rows = [
    ["Order", showText(order.order_id)],
    ["User", linkTo("user", order.user_id)],
    ["Amount", showDecimal(order.amount)],
    ["Currency", showText(order.currency)],
    ["Price", showDecimal(order.price)],
    ["Status", showStatus(order.status)],
    ["Placed", showTime(order.placed_at)],
    ["Expires", order.expires_at ? showTime(order.expires_at) : "never"],
    ...(order.metadata ?? []).map(([name, value]) => [showText(name), showText(value), "metadata"]),
  ];
  byId("found-order").replaceChildren(
    ...rows.map(([name, value, kind]) => make("div", kind ?? "", make("dt", "", name), make("dd", "", value))),
  );
}

function note(found, kind) {
  if (found.error) return `Error: ${found.error}`;
  if (kind === "order") return found.order ? "This order is live" : "No live order has this id";
  if (!found.count) return "This user has no live order";
  const orders = found.count === 1 ? "1 live order" : `${groupDigits(found.count)} live orders`;
  return found.count > found.orders.length ? `${orders}; the first ${found.orders.length}` : orders;
}

async function show() {
  const wanted = readAddress();
  const mine = ++number;
  byId("found").hidden = !wanted;
  if (!wanted) return;
  const { kind, id } = wanted;
  byId("kind").value = kind;
  byId("wanted").value = id;
  if (byId("wanted").value !== id) byId("wanted").value = ""; // a line of input has no line ends: another id
  const found = await ask(kind, id);
  if (mine !== number) return;
  byId("found-title").replaceChildren(kind === "order" ? "Order " : "User ", showText(id));
  byId("found-note").replaceChildren(note(found, kind));
  if (found.at) byId("found-note").append(" · as of ", fillTime(make("time"), found.at));
  byId("found-order").hidden = !found.order;
  if (found.order) showDetails(found.order);
  byId("found-orders").hidden = !found.orders?.length;
  byId("found-orders").replaceChildren();
  if (found.orders?.length) fillTable(byId("found-orders"), found.orders);
  byId("found").dataset.shown = mine;
}

function close() {
  history.pushState(null, "", location.pathname + location.search);
  show();
  byId("wanted").focus();
}

export function startSearch() {
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const hash = `#${byId("kind").value}=${encodeURIComponent(byId("wanted").value)}`;
    if (hash === location.hash) show();
    else location.hash = hash;
  });
  byId("close").addEventListener("click", close);
  byId("found").addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  window.addEventListener("hashchange", show);
  window.addEventListener("popstate", show);
  show();
}
