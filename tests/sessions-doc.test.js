// What docs/sessions.md and its Chinese sister tell the reader to do, done as it is written there, against a real gate with rooms.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { control, TOKEN } from "./support/control.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { enter, silent } from "./support/hub.js";
import { until } from "./support/pace.js";
import { blocksOf } from "./support/pasted.js";

const DOCUMENTS = { English: "../docs/sessions.md", 中文: "../docs/zh-CN/sessions.md" };
const AsyncFunction = (async () => {}).constructor;
/** `| what | `/path` with `{…}` … |`, as the table has it. */
const ROW = /^\| [^|]+ \| `(\/[a-z-]+\/[a-z]+)`[^`|]+`(\{[^`]+\})`(?:[^`|]+`(\{[^`]+\})`)?/gm;

const texts = Object.fromEntries(
  Object.entries(DOCUMENTS).map(([language, file]) => [language, readFileSync(new URL(file, import.meta.url), "utf8")]),
);
const rowsOf = (text) =>
  [...text.matchAll(ROW)].flatMap(([, path, ...bodies]) => bodies.filter(Boolean).map((body) => ({ path, body })));
const codeOf = (text) => blocksOf(text).map(({ language, text: code }) => ({ language, code }));

test("both languages have the same recipes", () => {
  const [english, chinese] = Object.values(texts);
  assert.deepEqual(rowsOf(chinese), rowsOf(english));
  assert.deepEqual(codeOf(chinese), codeOf(english));
  assert.deepEqual(
    codeOf(english).map(({ language }) => language),
    ["js", "js", "sh"],
  );
});

for (const [language, text] of Object.entries(texts)) {
  describe(`sessions, ${language}`, () => {
    let gate;
    before(async () => {
      const vars = { ...DEVELOPMENT, TICKET_STORE: "durable", SESSION: "hub", ADMIN_TOKEN: TOKEN };
      gate = await startGate({ vars });
    });
    after(() => gate?.close());
    const [room, staying, ending] = codeOf(text).map(({ code }) => code);

    /** A page of the app's: its code runs as it is written, with what a page has. */
    const page = () => {
      const shown = [];
      const scope = {
        fetch: (path, init) => {
          const body = JSON.stringify({ sub: "alice", ...JSON.parse(init.body) });
          const headers = { ...init.headers, "Content-Type": "application/json" };
          return fetch(new URL(path, gate.url), { ...init, headers, body });
        },
        headers: {},
        show: (...all) => shown.push(all),
      };
      const run = (code, gives, more = {}) => {
        const names = { ...scope, ...more };
        return new AsyncFunction(...Object.keys(names), `${code}\nreturn ${gives};`)(...Object.values(names));
      };
      return { shown, run };
    };

    test("a page hears what the others in the room say, and stays longer", async () => {
      const { shown, run } = page();
      const socket = await run(room, "socket");
      const frames = [];
      socket.addEventListener("message", ({ data }) => frames.push(JSON.parse(data)));
      await until(() => frames.length === 1);
      const bob = await enter(gate, { sub: "bob", room: "lobby" });
      bob.peer.send("hello");
      await until(() => shown.length === 1);
      assert.deepEqual(shown, [["bob", "hello"]]);
      await run(staying, "undefined", { socket });
      await until(() => frames.at(-1).type === "renewed");
      socket.close();
      await silent(bob);
    });

    test("the command ends what alice has", async () => {
      const alice = await enter(gate, { sub: "alice", room: "lobby" });
      const bob = await enter(gate, { sub: "bob", room: "lobby" });
      const env = { ...process.env, GATE: new URL(gate.url).origin, ADMIN_TOKEN: TOKEN };
      const { stdout } = await promisify(execFile)("sh", ["-c", ending], { env });
      assert.deepEqual(JSON.parse(stdout), { sessions: 1 });
      assert.equal((await alice.peer.closed).code, 4401);
      await silent(bob);
    });

    // Those that end alice's sessions: in how many of hers in the lobby, in her own room, and bob's in the lobby.
    const expected = {
      '/sessions/end {"subject":"alice"}': [0, 0, 1],
      '/sessions/end {"subject":"alice","except":["<session>"]}': [1, 0, 1],
      '/sessions/end {"subject":"alice","block_seconds":3600}': [0, 0, 1],
      '/sessions/end {"subject":"alice","issued_before":"2026-11-27T12:00:00.000Z"}': [1, 1, 1],
      '/sessions/end {"subject":"alice","code":4900,"reason":"account closed"}': [0, 0, 1],
      '/sessions/end {"session":"<session>","room":"lobby"}': [0, 1, 1],
      '/sessions/end {"room":"lobby"}': [0, 1, 0],
      '/ws-ticket/revoke {"ticket":"wst_…"}': [1, 1, 1],
      '/sessions/extend {"subject":"alice","seconds":3600}': [1, 1, 1],
      '/sessions/list {"subject":"alice"}': [1, 1, 1],
      '/sessions/list {"room":"lobby"}': [1, 1, 1],
    };

    test("the table has these rows, and no others", () => {
      assert.deepEqual(
        rowsOf(text).map(({ path, body }) => `${path} ${body}`),
        Object.keys(expected),
      );
    });

    for (const [number, { path, body }] of rowsOf(text).entries())
      test(`${path} with ${body}`, async () => {
        // Of people of its own, since a subject that was ended is refused for a moment.
        const [alice, bob] = [`alice-${number}`, `bob-${number}`];
        const lobby = `lobby-${number}`;
        const [inLobby, own, his] = [
          await enter(gate, { sub: alice, room: lobby }),
          await enter(gate, { sub: alice }),
          await enter(gate, { sub: bob, room: lobby }),
        ];
        const { ticket } = await gate.issue({ sub: alice });
        const asked = JSON.parse(
          body
            .replace("alice", alice)
            .replace("lobby", lobby)
            .replace("<session>", inLobby.welcome.session)
            .replace("wst_…", ticket),
        );
        const { status, json } = await control(gate, path, asked);
        assert.equal(status, 200, JSON.stringify(json));
        const left = expected[`${path} ${body}`];
        if (path === "/sessions/end") assert.equal(json.sessions, 3 - left[0] - left[1] - left[2]);
        if (path === "/sessions/extend") assert.equal(json.sessions, 2);
        if (path === "/sessions/list") assert.equal(json.sessions.length, 2);
        if (path === "/ws-ticket/revoke") assert.equal(await gate.opens(ticket), 401);
        if (asked.block_seconds) assert.equal(await gate.opens((await gate.issue({ sub: alice })).ticket), 401);
        for (const [index, { peer }] of [inLobby, own, his].entries()) {
          if (left[index]) {
            if (path === "/sessions/extend" && index < 2) assert.equal(JSON.parse(await peer.next()).type, "renewed");
            await silent({ peer });
          } else {
            const { code, reason } = await peer.closed;
            const meant = asked.code ? [asked.code, asked.reason] : [4401, "session_revoked"];
            assert.deepEqual([code, reason], meant);
          }
        }
      });
  });
}
