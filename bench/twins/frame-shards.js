// The same with a Durable Object behind it: what is seen of the gate (`frame.js`), and one statement in an object for each step that
// needs one, asked by RPC within a deadline. `CLAIM_ONLY=yes`: nothing is kept when a ticket is issued.
import { DurableObject } from "cloudflare:workers";
import frame from "./frame.js";

const SHARDS = 4;
const DEADLINE_MS = 3000;
const GRANT = '{"sub":"dev","expires":1795000000000}';

export class Tickets extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS tickets (ticket TEXT PRIMARY KEY, what TEXT, expires INTEGER) WITHOUT ROWID",
    );
  }
  put(ticket) {
    this.ctx.storage.sql.exec("INSERT INTO tickets VALUES (?, ?, ?)", ticket, GRANT, Date.now());
  }
  take(ticket) {
    const [row] = this.ctx.storage.sql.exec("DELETE FROM tickets WHERE ticket = ? RETURNING what", ticket);
    return row;
  }
  claim(ticket) {
    const claim = "INSERT INTO tickets VALUES (?, NULL, ?) ON CONFLICT DO NOTHING RETURNING 1";
    return [...this.ctx.storage.sql.exec(claim, ticket, Date.now())].length === 1;
  }
}

function within(ms, promise) {
  let timer;
  const passed = new Promise((_, reject) => {
    timer = setTimeout(reject, ms);
  });
  return Promise.race([promise, passed]).finally(() => clearTimeout(timer));
}

/** Tickets that were issued, so that each is asked about once: the texts that are answered are constants. */
const issued = [];

async function answer(request, env) {
  const stub = (shard) => env.TICKETS.getByName(`shard-${shard}`);
  if (request.method === "POST") {
    const [ticket, shard] = [crypto.randomUUID(), Math.floor(Math.random() * SHARDS)];
    if (env.CLAIM_ONLY !== "yes") await within(DEADLINE_MS, stub(shard).put(ticket));
    issued.push([ticket, shard]);
  } else {
    const [ticket, shard] = issued.pop() ?? [crypto.randomUUID(), 0];
    await within(DEADLINE_MS, env.CLAIM_ONLY === "yes" ? stub(shard).claim(ticket) : stub(shard).take(ticket));
  }
  return frame.fetch(request, env);
}

export default {
  fetch(request, env, ctx) {
    const answering = answer(request, env);
    ctx.waitUntil(answering);
    return answering;
  },
};
