// The two doors that a ticket can be presented at: the upgrade, and `redeem` for servers that open the socket themselves. What the laws
// say of a ticket they say at both, so a gate is put behind a door, and then looks to a law as it always does.
import { randomUUID } from "node:crypto";

export const REDEEM_SECRET = "a secret to redeem with, of 32 bytes or more";

/** What a refused upgrade says, for a ticket that is nobody's. */
const NOBODYS = {
  type: "about:blank",
  title: "Unauthorized",
  status: 401,
  code: "ticket_refused",
  detail: "The ticket is nobody's, by the word of redeem.",
};

/** An answer of `redeem` as the upgrade would have said it: 101 with a welcome, or 401. All other answers are the same at both. */
function asUpgrade(answer) {
  if (answer.status !== 200) return answer;
  const { active, sub: subject, room = null, ...rest } = answer.json;
  if (active) return { status: 101, message: async () => ({ subject, room, ...rest }), leave: async () => undefined };
  const text = JSON.stringify(NOBODYS);
  const headers = { "content-type": "application/problem+json" };
  return { status: 401, headers, rawHeaders: [], text, json: NOBODYS };
}

/** The gate, with `redeem` in the place of the upgrade. A fresh attempt each time, as a server makes one for each connection. */
function byRedeem(gate) {
  const upgrade = async (ticket, { query, signal } = {}) => {
    const presented = query === undefined ? ticket : decodeURIComponent(query.replace(/^ticket=/, ""));
    const asked = { ticket: presented, attempt: randomUUID() };
    return asUpgrade(await gate.redeem(asked, { secret: REDEEM_SECRET, signal }));
  };
  const own = { asked: true, upgrade, opens: async (...args) => (await upgrade(...args)).status };
  return new Proxy(gate, {
    get(target, name) {
      if (name in own) return own[name];
      const member = target[name];
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** Each door: the settings that it needs, and the gate behind it. */
export const DOORS = [
  { name: "/ws", vars: {}, through: (gate) => gate },
  { name: "redeem", vars: { REDEEM_SECRET }, through: byRedeem },
];
