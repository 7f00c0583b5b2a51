// What becomes of the socket, line by line: each attempt with its own ticket, how long its connection lived, and the waits between.
// Times are measured here, so they are what really happened.
import { append, byId, make } from "./dom.js";
import { text, took, write } from "./i18n.js";

const MOST = 100;

let count = 0;
/** The last line, while it goes on, and its time with it: `{ item, began }`. */
let running;

function begin(state, key, values) {
  const item = make("li");
  item.append(make("span"), make("span", "", { className: "tail" }), make("span", "", { className: "took" }));
  const line = { item, began: performance.now() };
  running = line;
  write(item.lastChild, () => took(performance.now() - line.began));
  become(state, key, values);
  append(byId("attempts"), item, MOST);
}

function become(state, key, values) {
  running.item.dataset.state = state;
  write(running.item.firstChild, text(key, values));
}

/** The line is over; its time stays. */
function finish(state, key, values) {
  if (!running) return;
  const ms = performance.now() - running.began;
  become(state, key, values);
  write(running.item.lastChild, () => took(ms));
  running = undefined;
}

/** A new socket: the lines of the one before it are gone. */
export function start() {
  count = 0;
  running = undefined;
  byId("attempts").replaceChildren();
}

/** An attempt begins, after a wait or not. */
export function asking() {
  if (running?.item.dataset.state === "waiting") finish("waited", "attempts.waited");
  count += 1;
  begin("asking", "attempts.asking", { count });
}

/** It has a ticket, of which the last characters are shown. */
export function presenting({ masked }) {
  if (!running) return;
  running.item.children[1].textContent = `…${masked.slice(-4)}`;
  become("asking", "attempts.presenting", { count });
}

/** Its connection is open, and its time begins. */
export function opened() {
  if (!running) return;
  running.began = performance.now();
  become("open", "attempts.open", { count });
}

/** It is over, before or after it opened. `again`: a wait follows. */
export function ended({ code, again }) {
  const state = running?.item.dataset.state;
  if (state === "waiting") finish("waited", "attempts.waited");
  else if (state === "asking") finish("failed", "attempts.failed", { count });
  else finish(again ? "lost" : "closed", again ? "attempts.lost" : "attempts.closed", { count, code });
  if (again) begin("waiting", "attempts.waiting");
}

setInterval(() => {
  if (running) running.item.lastChild.textContent = took(performance.now() - running.began);
}, 100);
