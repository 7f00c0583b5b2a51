// What holds of every refusal before the store: it is the one that is said, it costs no store call, and it burns nothing.
import assert from "node:assert/strict";
import { assertProblem } from "./problem.js";
import { refused } from "./refused.js";
import { parts } from "./tickets.js";

/**
 * Issues a ticket (as `minted`, the arguments of `gate.issue`, says), has `send(ticket)` refused with `status` and `code`, and
 * opens with that ticket afterwards (`opened(ticket)`: the options of `gate.opens`). The answer repeats nothing of the ticket nor of `never`.
 */
export async function refusesUntouched(gate, send, status, code, { minted = [], opened, never = [] } = {}) {
  const { ticket } = await gate.issue(...minted);
  await gate.edge();
  const answer = await send(ticket);
  assertProblem(answer, status, code, { never: [parts(ticket).secret, ...never] });
  assert.deepEqual(await gate.calls(), {}, "a refused request reached a store");
  assert.equal(await gate.opens(ticket, opened?.(ticket)), 101, "the refused request burned the ticket");
  refused();
  return answer;
}
