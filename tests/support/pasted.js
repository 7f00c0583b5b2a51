// Runs what a document tells its reader to paste, as it is written, in a fresh copy of the project: each program that goes on
// running in a terminal of its own, and everything else in one terminal, in the order of the document.
//
// Three things are replaced, since a reader has a machine to himself and a test has not: the ports 8787 to 8789 by free ones, which
// `npm run dev`, `issuer` and `login` then get as `--port`; and /tmp by a folder of the test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { PATIENCE_MS } from "./pace.js";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const NOT_IN_A_CLONE = ["node_modules", "target", "build", ".git", ".wrangler", ".dev.vars"];
const PORTS = { dev: 8787, issuer: 8788, login: 8789 };
const SERVES = /^npm run (dev|issuer|login)\b/;
const SECONDS = 1000;

/** The blocks of a document: `{ heading, language, text, before }`, `before` being the paragraph above. */
export function blocksOf(markdown) {
  const blocks = [];
  let [heading, before, open] = ["", "", undefined];
  for (const line of markdown.split("\n")) {
    const fence = /^```(\w*)$/.exec(line);
    if (open && fence) {
      blocks.push({ ...open, text: open.lines.join("\n") });
      [open, before] = [undefined, ""];
    } else if (open) open.lines.push(line);
    else if (fence) open = { heading, language: fence[1], before: before.trim(), lines: [] };
    else if (/^#+ /.test(line)) [heading, before] = [line.replace(/^#+ /, ""), ""];
    // A blank line right after a paragraph still leaves it "above".
    else if (line.trim() !== "") before = `${before}\n${line}`;
    else if (before.endsWith("\n")) before = "";
    else before += "\n";
  }
  return blocks;
}

/** A fresh clone with a reader in front of it. */
export async function sitDown() {
  const folder = mkdtempSync(path.join(os.tmpdir(), "ws-ticket-pasted-"));
  const clone = path.join(folder, "clone");
  const left = NOT_IN_A_CLONE.map((name) => path.join(PROJECT, name));
  cpSync(PROJECT, clone, { recursive: true, filter: (source) => !left.includes(source) });
  // What a first `npm run dev` brings about, in ten minutes.
  symlinkSync(path.join(PROJECT, "node_modules"), path.join(clone, "node_modules"));
  cpSync(path.join(PROJECT, "build"), path.join(clone, "build"), { recursive: true });
  mkdirSync(path.join(folder, "tmp"));
  const ports = {};
  for (const name of Object.keys(PORTS)) ports[name] = await freePort();
  return new Reader(folder, clone, ports);
}

class Reader {
  #programs = [];
  #count = 0;

  constructor(folder, clone, ports) {
    Object.assign(this, { folder, clone, ports });
    this.terminal = this.#start("sh", ["-s"]);
  }

  /** Pastes a block and gives what it printed; a program that goes on running is waited for until it serves. */
  async paste(text) {
    const written = this.#replaced(text);
    const [, serves] = SERVES.exec(text) ?? [];
    return serves ? this.#serve(serves, written) : this.#run(written);
  }

  /** Ends everything that was started here, and takes the clone away. */
  async leave() {
    await Promise.all(this.#programs.map(end));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #replaced(text) {
    let written = text.replaceAll("/tmp/", `${path.join(this.folder, "tmp")}/`);
    for (const [name, port] of Object.entries(PORTS)) {
      written = written.replace(new RegExp(`\\b${port}\\b`, "g"), String(this.ports[name]));
      const command = new RegExp(`^npm run ${name}\\b( --(?= ))?`, "m");
      written = written.replace(command, `npm run ${name} -- --port ${this.ports[name]}`);
    }
    return written;
  }

  async #serve(name, text) {
    const program = this.#start("sh", ["-c", text]);
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await answers(this.ports[name]))) {
      if (program.child.exitCode !== null) throw new Error(`ended, instead of serving: ${text}\n${program.all}`);
      if (Date.now() > deadline) throw new Error(`doesn't serve: ${text}\n${program.all}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return "";
  }

  async #run(text) {
    this.#count += 1;
    const [file, mark] = [path.join(this.folder, `block-${this.#count}.sh`), `-- end of block ${this.#count} --\n`];
    writeFileSync(file, text);
    const { child } = this.terminal;
    this.terminal.output = "";
    // From a file, so that no program in it reads the lines that follow.
    child.stdin.write(`. '${file}' </dev/null\nprintf '%s' '${mark}'\n`);
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.terminal.output.endsWith(mark)) {
      if (Date.now() > deadline || child.exitCode !== null)
        throw new Error(`doesn't end: ${text}\n${this.terminal.all}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.terminal.output.slice(0, -mark.length);
  }

  #start(command, args) {
    // A process group of its own: npm starts a shell that starts node that starts workerd.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|WS_TICKET_)/.test(name)),
    );
    const child = spawn(command, args, { cwd: this.clone, env, detached: true });
    const program = { child, output: "", all: "" };
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8").on("data", (text) => {
        program.all += text;
        if (stream === "stdout") program.output += text;
      });
    }
    this.#programs.push(program);
    return program;
  }
}

async function end({ child }) {
  const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // The whole group has ended.
    }
  };
  signal("SIGTERM");
  const timer = setTimeout(() => signal("SIGKILL"), 10 * SECONDS);
  await ended;
  clearTimeout(timer);
}

/** A port that nobody uses, for a program that must be told one. */
export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("close", () => socket.destroy());
    socket.on("connect", () => socket.end());
  });
}
