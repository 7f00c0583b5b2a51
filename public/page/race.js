// The race: 50 connections with one ticket, drawn as a grid. Each cell is a connection.
import { byId, make } from "./dom.js";
import { t } from "./i18n.js";

export const RUNNERS = 50;
// A browser holds back what opens many sockets at once, for some seconds each.
const DEADLINE_MS = 30_000;

const cells = Array.from({ length: RUNNERS }, () => make("span", undefined, { className: "cell" }));

export function drawGrid() {
  byId("grid").replaceChildren(...cells);
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
    socket.onclose = () => settle("refused");
  });
}

/** Runs it: `{ admitted, refused, silent, ms }`. `open` is how a socket is opened with the one ticket. */
export async function race(open, onProgress) {
  for (const cell of cells) delete cell.dataset.state;
  byId("grid").ariaLabel = t("race.grid.running");
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
  const silent = cells.filter((cell) => cell.dataset.state === "silent").length;
  const score = { admitted: sockets.length, refused: RUNNERS - sockets.length - silent, silent, ms };
  byId("grid").ariaLabel = t("race.grid.done", score);
  return score;
}
