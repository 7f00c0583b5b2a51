// `renew` of ws-ticket-client against a real gate with rooms: a session goes on, on the same connection, beyond its first end.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { TicketSocket } from "../client/index.js";
import { renew } from "../client/renew.js";
import { DEVELOPMENT, startGate } from "./support/harness.js";
import { good, SECRET } from "./support/jwt.js";
import { until } from "./support/pace.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const ROOMS = { TICKET_STORE: "durable", SESSION: "hub", SESSION_MAX_SECONDS: "3600" };

const at = ({ url }) => new URL("/ws-ticket", url).href;

describe("a session that is renewed", () => {
  let gate;
  let now;
  let started = [];
  before(async () => {
    gate = await startGate({ vars: { ...DEVELOPMENT, ...ROOMS }, edge: true });
  });
  afterEach(() => {
    for (const socket of started) socket.close();
    started = [];
  });
  after(() => gate?.close());

  /** The gate's clocks stand still there; two hours later at each test, so that none sees another's alarms. */
  const stop = async (at, which = gate) => {
    now = at;
    await which.edge({ clock: at });
  };
  const start = () => stop(Math.ceil(((now ?? Date.now()) + 2 * HOUR) / 1000) * 1000);
  const alarms = async (at, which = gate) => {
    await stop(at, which);
    await which.roomAlarms({ run: true });
  };

  /** A member that renews; `asked` counts the requests for tickets to renew by. */
  const enter = async (options, { issue = at(gate), ...more } = {}) => {
    const socket = new TicketSocket(at(gate), options);
    const member = { socket, frames: [], asked: 0, closed: [] };
    started.push(socket);
    socket.onmessage = ({ data }) => member.frames.push(JSON.parse(data));
    socket.onclose = ({ code }) => member.closed.push(code);
    const counting = async (url, init) => {
      member.asked += 1;
      return (more.fetch ?? fetch)(url, init);
    };
    member.stop = renew(socket, issue, { ...options, baseDelay: 20, maxDelay: 50, ...more, fetch: counting });
    await until(() => member.frames.length > 0 || options.protocols !== undefined);
    return member;
  };
  const types = ({ frames }) => frames.map(({ type }) => type);
  const settles = () => new Promise((resolve) => setTimeout(resolve, 300));

  test("goes on, on the same connection", async () => {
    await start();
    const first = now + HOUR;
    const member = await enter({ body: { sub: "alice", room: "on" } });
    for (let end = first, round = 1; round <= 3; round += 1) {
      await alarms(end - MINUTE);
      await until(() => types(member).at(-1) === "renewed");
      end = now + HOUR;
      assert.equal(member.frames.at(-1).session_expires_at, new Date(end).toISOString());
      assert.deepEqual([member.asked, member.closed], [round, []]);
      await gate.evict("TICKET_ROOM");
    }
    await alarms(first + MINUTE);
    assert.deepEqual(types(member), ["welcome", ...Array(3).fill(["expiring", "renewed"]).flat()]);
    assert.equal(member.socket.readyState, TicketSocket.OPEN);
  });

  test("asks again when it gets no ticket, and tells why", async () => {
    await start();
    const failing = { left: 3, told: [] };
    const member = await enter(
      { body: { sub: "alice", room: "again" } },
      {
        fetch: (url, init) => {
          failing.left -= 1;
          if (failing.left === 2) throw new Error("no network");
          return failing.left === 1 ? new Response("", { status: 503 }) : fetch(url, init);
        },
        onError: (error) => failing.told.push(error.status ?? error.message),
      },
    );
    await alarms(now + HOUR - MINUTE);
    await until(() => types(member).at(-1) === "renewed");
    assert.deepEqual([member.asked, failing.told], [3, ["no network", 503]]);
  });

  test("asks no more where the login is lost, and is over at its end", async () => {
    await start();
    const end = now + HOUR;
    const refuse = () => new Response("{}", { status: 401, headers: { "Content-Type": "application/problem+json" } });
    const member = await enter({ body: { sub: "alice", room: "lost" }, reconnect: false }, { fetch: refuse });
    await alarms(end - MINUTE);
    await until(() => member.asked === 1);
    await settles();
    assert.equal(member.asked, 1);
    await alarms(end);
    await until(() => member.closed.length > 0);
    assert.deepEqual(types(member), ["welcome", "expiring"]);
  });

  test("presents two tickets that are refused, and no third", async () => {
    await start();
    const issued = [];
    const issue = async () => {
      issued.push(1);
      // For another room.
      return gate.issue({ sub: "alice", room: "elsewhere" });
    };
    const member = await enter({ body: { sub: "alice", room: "refused" } }, { issue });
    await alarms(now + HOUR - MINUTE);
    await until(() => types(member).filter((type) => type === "renew_refused").length === 2);
    await settles();
    assert.deepEqual([issued.length, member.closed], [2, []]);
  });

  test("isn't asked for by others, and not any more after stop()", async () => {
    await start();
    const options = { body: { sub: "alice", room: "others" } };
    const [app, other, stopped] = [
      await enter({ ...options, protocols: "app.v1" }),
      await enter({ ...options, protocols: "app.v1" }),
      await enter(options),
    ];
    await until(() => app.socket.readyState === 1 && other.socket.readyState === 1);
    other.socket.send(JSON.stringify({ type: "expiring", session_expires_at: "soon" }));
    await until(() => types(app).includes("expiring"));
    stopped.stop();
    await alarms(now + HOUR - MINUTE);
    await until(() => types(stopped).includes("expiring"));
    await settles();
    assert.deepEqual([app.asked, stopped.asked], [0, 0]);
  });

  test("whose login ends is announced once, and renewed no further", async (t) => {
    const login = await startGate({
      vars: { ...DEVELOPMENT, ...ROOMS, IDENTITY: "jwt", JWT_SECRET: SECRET },
      edge: true,
    });
    t.after(() => login.close());
    await stop(Math.floor(Date.now() / 1000) * 1000, login);
    const end = now + HOUR / 2;
    const headers = { Authorization: `Bearer ${good("alice", { exp: end / 1000 })}` };
    const options = { headers, body: { room: "login" } };
    const socket = new TicketSocket(at(login), options);
    started.push(socket);
    const frames = [];
    let asked = 0;
    socket.onmessage = ({ data }) => frames.push(JSON.parse(data));
    const counting = (url, init) => {
      asked += 1;
      return fetch(url, init);
    };
    renew(socket, at(login), { ...options, fetch: counting });
    await until(() => frames.length === 1);
    assert.equal(frames[0].session_expires_at, new Date(end).toISOString());
    await alarms(end - MINUTE, login);
    await until(() => frames.length === 3);
    for (let round = 0; round < 3; round += 1) {
      await alarms(end - MINUTE + 1000 * (round + 1), login);
      await settles();
    }
    assert.deepEqual([frames.map(({ type }) => type), asked], [["welcome", "expiring", "renewed"], 1]);
    assert.equal(frames[2].session_expires_at, frames[1].session_expires_at);
  });
});
