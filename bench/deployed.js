// A gate that is deployed: how long a ticket takes to be issued, and to open a socket, from where this runs. Few and one by one: it
// is somebody's service.
const COUNT = 20;

const at = (times, part) => times.sort((a, b) => a - b)[Math.floor(times.length * part)].toFixed(0);

/** Prints milliseconds. */
export async function deployed(url) {
  const headers = process.env.BENCH_TOKEN ? { Authorization: `Bearer ${process.env.BENCH_TOKEN}` } : {};
  const [issue, open] = [[], []];
  for (let time = 0; time < COUNT; time += 1) {
    const began = performance.now();
    const answer = await fetch(new URL("/ws-ticket", url), { method: "POST", headers });
    const ticket = await answer.json();
    if (!answer.ok) throw new Error(`POST /ws-ticket answered ${answer.status} ${ticket.code}`);
    const issued = performance.now();
    const socket = new WebSocket(ticket.url, ticket.protocols);
    await new Promise((resolve, reject) => {
      socket.onmessage = resolve;
      socket.onerror = () => reject(new Error("the socket did not open"));
    });
    issue.push(issued - began);
    open.push(performance.now() - issued);
    socket.close();
  }
  for (const [name, times] of Object.entries({ issue, open })) {
    console.log(`bench: ${name}: p50 ${at(times, 0.5)} ms, p99 ${at(times, 0.99)} ms`);
  }
}
