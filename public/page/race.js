// The race: 50 connections with one ticket, drawn as a grid. Each cell is a connection.
import { byId, make } from "./dom.js";
import { text } from "./i18n.js";

export const RUNNERS = 50;
// A browser holds back what opens many sockets at once, for some seconds each.
const DEADLINE_MS = 30_000;

const cells = Array.from({ length: RUNNERS }, () => make("span", undefined, { className: "cell" }));

/** What the grid is called, in words: made anew when the language changes. */
let label = text("race.grid.idle");

export function drawGrid() {
  byId("grid").replaceChildren(...cells);
  nameGrid();
}

export function nameGrid(next = label) {
  label = next;
  byId("grid").ariaLabel = label();
}

function shuffled(items) {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

/** One connection: resolves to its socket when it was admitted, else to `undefined`. */
function run(cell, { url, protocols }) {
  return new Promise((resolve) => {
    cell.dataset.state = "opening";
    const socket = new WebSocket(url, protocols);
    const settle = (state, result) => {
      if (cell.dataset.state !== "opening") return;
      clearTimeout(deadline);
      cell.dataset.state = state;
      resolve(result);
    };
    const deadline = setTimeout(() => {
      settle("silent");
      socket.close();
    }, DEADLINE_MS);
    socket.onopen = () => settle("admitted", socket);
    socket.onclose = () => settle("closed");
  });
}

/**
 * Runs it: `{ admitted, refused, silent, ms, why }`. `open` is how a socket is opened with the one ticket. A socket that closes may have
 * been refused or may have found no gate, which looks the same to a script: `whyNot(admitted)` says afterwards what is known.
 */
export async function race(open, onProgress, whyNot) {
  for (const cell of cells) delete cell.dataset.state;
  nameGrid(text("race.grid.running"));
  const began = performance.now();
  let done = 0;
  const runners = shuffled(cells).map(async (cell) => {
    const socket = await run(cell, open);
    done += 1;
    onProgress(done);
    return socket;
  });
  const sockets = (await Promise.all(runners)).filter(Boolean);
  const ms = performance.now() - began;
  for (const socket of sockets) socket.close(1000);
  const why = sockets.length === RUNNERS ? undefined : await whyNot(sockets.length);
  const state = why?.status === 0 ? "silent" : "refused";
  for (const cell of cells) if (cell.dataset.state === "closed") cell.dataset.state = state;
  const silent = cells.filter((cell) => cell.dataset.state === "silent").length;
  const score = { admitted: sockets.length, refused: RUNNERS - sockets.length - silent, silent, ms };
  nameGrid(text("race.grid.done", score));
  return { ...score, why };
}
