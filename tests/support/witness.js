// Sees all that gates let out while secrets are planted in all that they take in; then says which secrets came out, and where.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { dump } from "./dump.js";
import { Needles } from "./needles.js";
import { parts } from "./tickets.js";

export class Witness {
  #needles = new Needles();
  #places = [];
  /** The codes of all refusals that were seen. */
  codes = new Set();

  /** How many secrets were planted. */
  get planted() {
    return this.#needles.size;
  }

  /** A fresh secret, recognisable in whatever form it comes out. */
  secret(name) {
    return this.plant(name, `planted-${randomBytes(24).toString("base64url")}`);
  }

  /** A secret that was made elsewhere. */
  plant(name, text, options) {
    return this.#needles.add(name, text, options);
  }

  /** A ticket; its prefix is no secret. */
  plantTicket(name, ticket) {
    this.plant(name, parts(ticket).secret.slice(0, 43), { bytes: true });
    if (parts(ticket).secret.length > 43) this.plant(`${name}'s check`, parts(ticket).secret.slice(43));
    return ticket;
  }

  /** A token; its header is no secret. */
  plantToken(name, token) {
    for (const part of token.split(".").slice(1)) if (part.length >= 12) this.plant(name, part);
    return token;
  }

  /** Something that was let out. */
  keep(where, text) {
    this.#places.push([where, text]);
  }

  /** An answer. What it gives to the one who asked (a ticket, a cookie) is taken out, and planted. */
  async see(where, answering) {
    const answer = await answering;
    const name = `${where}: ${answer.status}`;
    if (answer.status === 101) {
      this.keep(name, JSON.stringify([answer.headers, await answer.message()]));
      await answer.leave();
      return answer;
    }
    let { text } = answer;
    let headers = answer.rawHeaders.join("\n");
    if (answer.status === 200 && text.includes('"ticket"')) {
      const { ticket, url, protocols, ...rest } = answer.json;
      this.plantTicket(where, ticket);
      assert.ok(
        protocols === undefined ? url.endsWith(`?ticket=${ticket}`) : protocols[1] === ticket,
        "not as it must be",
      );
      text = JSON.stringify({ ...rest, url: url.split("?")[0] });
      for (const cookie of answer.headers["set-cookie"] ?? []) {
        const value = /^__Host-ws-ticket=([^;]{43});/.exec(cookie)[1];
        this.plant(`${where}, cookie`, value, { bytes: true });
        headers = headers.replace(value, "");
      }
    } else if (answer.headers["content-type"] === "application/problem+json" && text !== "")
      this.codes.add(answer.json.code);
    this.keep(`${name}, headers`, headers);
    this.keep(`${name}, body`, text);
    return answer;
  }

  /** Every line of the log, `/health`, and what the stores hold. */
  async collect(gates, backing) {
    for (const gate of gates) {
      const health = await gate.request({ path: "/health" });
      this.keep("/health", health.rawHeaders.join("\n") + health.text);
      if (gate.options.edge) this.keep("the stores", JSON.stringify(await dump(gate, backing)));
    }
    // A log line may come a moment after the answer.
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const line of gates[0].lines()) this.keep("the log", line);
  }

  /** Every secret that was found, with where. */
  finds() {
    return this.#places.flatMap(([where, text]) => this.#needles.find(text).map((what) => `${what} in ${where}`));
  }

  /** How much was searched: places and characters. */
  get searched() {
    return { places: this.#places.length, characters: this.#places.reduce((sum, [, text]) => sum + text.length, 0) };
  }
}
