// Shows each look of the server, and says when there is none.

import { Plot } from "./plot.js";
import { startSearch } from "./search.js";
import { fillTable } from "./tables.js";
import { fillTime, formatRate, formatSeconds, groupDigits, make } from "./text.js";

const SILENT_SECONDS = 4;
const RECONNECT_MILLISECONDS = 3000;

const byId = (id) => document.getElementById(id);
const plot = new Plot(byId("plot"));
let heardAt = Date.now(); // by the viewer's clock: when the server last said anything
let look = null;

function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text; // a screen reader is told of changes only
}

function setState(state, text, trouble = "") {
  byId("state").dataset.state = state;
  setText("state-text", text);
  setText("trouble", trouble);
  byId("trouble").hidden = !trouble;
  document.body.classList.toggle("old", state !== "live");
}

function setShare(id, part, whole) {
  byId(id).style.width = `${whole ? (100 * part) / whole : 0}%`;
}

function showTotals() {
  const { active, paused, placed_at: placedAt, at } = look;
  const live = active + paused;
  setText("live", groupDigits(live));
  setText("active", groupDigits(active));
  setText("paused", groupDigits(paused));
  setShare("share-active", active, live);
  setShare("share-paused", paused, live);
  const ago = placedAt ? Math.max(0, (new Date(at) - new Date(placedAt)) / 1000) : null;
  setText("placed-at", ago === null ? "never" : ago < 1 ? "now" : `${formatSeconds(ago)} ago`);
  byId("moving").hidden = look.moving_from === null;
  setText("moving", `A resize is under way, from ${groupDigits(look.moving_from ?? 0)} streams`);
}

function showRates() {
  const [, , placed, cancelled, changes] = look.point;
  setText("rate-placed", formatRate(placed));
  setText("rate-cancelled", formatRate(cancelled));
  setText("rate-changes", formatRate(changes));
  byId("has-changes").hidden = changes === null;
  plot.draw();
}

function makeStream([stream, active, paused, waiting], most) {
  const bar = make("span", "bar", make("i", "active"), make("i", "paused"));
  bar.setAttribute("aria-hidden", "true");
  bar.children[0].style.width = `${most ? (100 * active) / most : 0}%`;
  bar.children[1].style.width = `${most ? (100 * paused) / most : 0}%`;
  const row = make("li", "", make("span", "name", groupDigits(stream)), bar);
  row.append(make("span", "count", groupDigits(active + paused)));
  row.title = `stream ${stream}: ${groupDigits(active)} active, ${groupDigits(paused)} paused, ${groupDigits(waiting)} events wait`;
  return row;
}

function showStreams() {
  const { number, busiest } = look.streams;
  const live = look.active + look.paused;
  const counts = busiest.map(([, active, paused]) => active + paused);
  const shown = counts.reduce((sum, count) => sum + count, 0);
  byId("streams").replaceChildren(...busiest.map((stream) => makeStream(stream, counts[0])));
  const even = live / number;
  const load = even && number > 1 ? `; the busiest has ${(counts[0] / even).toFixed(1)} × the average` : "";
  setText("streams-note", number === 1 ? "1 in all" : `${groupDigits(number)} in all${load}`);
  const rest = number - busiest.length;
  byId("streams-rest").hidden = rest === 0;
  setText("streams-rest", `${groupDigits(rest)} more with ${groupDigits(Math.max(0, live - shown))} orders`);
}

function showIntake() {
  const { waiting, workers, lag, oldest, applied, late, refused, dead_letters: dead } = look.intake;
  for (const [id, number] of Object.entries({ waiting, workers, applied, late, refused, dead })) {
    setText(id, groupDigits(number));
  }
  setText("lag", formatSeconds(lag));
  setText("oldest", waiting ? formatSeconds(oldest) : "–");
  byId("workers").classList.toggle("bad", waiting > 0 && workers === 0);
  setText("deadlines", groupDigits(look.deadlines.set));
  setText("overdue", formatSeconds(look.deadlines.overdue));
  byId("overdue").classList.toggle("bad", look.deadlines.overdue > 5);
}

function showLook() {
  if (!look || document.hidden) return;
  fillTime(byId("looked-at"), look.at);
  setText("namespace", look.namespace);
  document.title = `${look.namespace} · cryptoorders`;
  showTotals();
  showRates();
  showStreams();
  showIntake();
  fillTable(byId("newest"), look.newest);
  byId("no-orders").hidden = look.newest.length > 0;
}

function connect() {
  const source = new EventSource("looks");
  const on = (name, show) => source.addEventListener(name, (event) => {
    heardAt = Date.now();
    show(JSON.parse(event.data));
  });
  on("past", (points) => plot.reset(points));
  on("look", (next) => {
    look = next;
    plot.add(look.point);
    setState("live", "Live");
    showLook();
  });
  on("failure", ({ error }) => {
    const shown = look ? "What you see is how it was then. " : "";
    setState("away", "The store is away", `The store does not answer: ${error.replace(/\.$/, "")}. ${shown}It is tried once a second.`);
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MILLISECONDS);
  });
}

setInterval(() => {
  if (Date.now() - heardAt < SILENT_SECONDS * 1000) return;
  setState("silent", "No connection", "The server of this page is silent. It is tried until it answers. If your login has ended, reload the page.");
}, 1000);
document.addEventListener("visibilitychange", showLook);
startSearch();
connect();
