// What only a ticket can show: each check issues some, and uses them up.
import { issue, present } from "../gate.js";
import { isLocal } from "./gate-checks.js";
import { fail, pass, skip } from "./outcome.js";

/** So many connections race for one ticket. */
const RACERS = 10;
const MEND = "docs/stores.md: a store that is single-use; docs/operations.md for what it logs";

export const activeChecks = (gate, health, token) => {
  // Neither the login nor a ticket goes over a network in the clear.
  if (gate.protocol !== "https:" && !isLocal(gate)) return { tickets: () => skip("no login is sent over plain http") };
  if (health.session === "none")
    return { tickets: () => skip("sockets are opened elsewhere: your server redeems tickets") };
  return {
    lifecycle: async () => {
      const issued = await issue(gate, token);
      const { status, code } = await present(gate, issued);
      if (status !== 101) return fail(`a fresh ticket was answered ${status} ${code ?? ""}`, MEND);
      const again = await present(gate, issued);
      return again.status === 401 && again.code === "ticket_refused"
        ? pass("a ticket opens a connection, and no second one")
        : fail(`the second time it was answered ${again.status} ${again.code ?? ""}`, MEND);
    },
    race: async () => {
      const issued = await issue(gate, token);
      const racing = await Promise.all(Array.from({ length: RACERS }, () => present(gate, issued)));
      const opened = racing.filter(({ status }) => status === 101).length;
      return opened === 1
        ? pass(`of ${RACERS} at once, one opened`)
        : fail(`of ${RACERS} at once, ${opened} opened`, MEND);
    },
    "a ticket's life": async () => {
      const asked = Date.now();
      const { expires_in: seconds, expires_at: at } = await issue(gate, token);
      const off = Math.round(Math.abs(Date.parse(at) - asked - seconds * 1000) / 1000);
      return off < 60
        ? pass(`${seconds} s`)
        : fail(
            `the gate's clock and this one differ by ${off} s`,
            "set this machine's clock by NTP: timedatectl set-ntp true",
          );
    },
  };
};
