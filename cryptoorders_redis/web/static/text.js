// Text, numbers and times. Ids can hold anything: they become text nodes, never markup.

// What cannot be seen, or would change the direction or the lines of other text. U+200D joins emoji.
const UNSEEN = /(?!\u200d)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|^\p{Zs}|\p{Zs}$/gu;
const NAMES = { "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", " ": "␣" };

export function make(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function nameOf(character) {
  const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return NAMES[character] ?? `U+${code}`;
}

// Shows a text of users. Its text content is exactly the text; what cannot be seen gets a visible name.
export function showText(text) {
  const shown = make("bdi", "text");
  shown.title = text;
  let end = 0;
  for (const found of text.matchAll(UNSEEN)) {
    shown.append(text.slice(end, found.index));
    const mark = make("span", "mark", found[0]);
    mark.dataset.name = nameOf(found[0]);
    shown.append(mark);
    end = found.index + found[0].length;
  }
  shown.append(text.slice(end));
  return shown;
}

// A decimal number with thousands separators. It stays text: a number of JavaScript would lose digits.
export function groupDigits(text) {
  const [whole, fraction] = String(text).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

export function showDecimal(text) {
  const shown = make("bdi", "number", groupDigits(text));
  shown.title = text;
  return shown;
}

export function formatRate(rate) {
  if (rate === null) return "–";
  return groupDigits(rate < 100 ? rate.toFixed(1) : String(Math.round(rate)));
}

export function formatSeconds(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${groupDigits(Math.round(seconds / 86400))} days`;
}

// A time in the viewer's own time, with the date if it is not today. UTC is in its title.
export function fillTime(time, iso) {
  const at = new Date(iso);
  const clock = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  const isToday = at.toDateString() === new Date().toDateString();
  const day = `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
  time.textContent = isToday ? clock : `${day} ${clock}`;
  time.title = iso.replace("T", " ").replace("+00:00", " UTC");
  time.dateTime = iso;
  return time;
}

export function showTime(iso) {
  return fillTime(make("time"), iso);
}
