// Adds up what the isolates have counted. Its totals only grow, and outlast its memory: what it was told is written down at once where it
// had time to, and within ten seconds else, so that a crash loses no more than that. `counting.js` tells it, `monitors.rs` asks it.
import { DurableObject } from "cloudflare:workers";
import { rendered } from "./monitor/metrics.js";

/** How long it waits between writing down and writing down again, in milliseconds: a row each. */
const SAVE_MS = 10_000;
/** How many totals it keeps at most. Labels come from closed sets, so there are fewer; what a later version counts is kept, too. */
const TOTALS_MOST = 2000;
/** How many isolates it remembers, to know a batch again that comes a second time. */
const ISOLATES_MOST = 10_000;
/** What a count is called: what it counts, and its labels. */
const NAME = /^[a-z_]+( [\w.+-]+){0,3}$/;

export class Monitor extends DurableObject {
  #totals = this.ctx.storage.kv.get("totals") ?? {};
  /** Isolates, by the number of the last batch that came from each; the one that was heard of longest ago first. */
  #heard = new Map();
  #savedAt = 0;
  #saving;

  /** A batch of an isolate's, by RPC: `counts` by name. One that comes again, since its answer was lost, isn't counted again. */
  add({ isolate, number, counts }) {
    const isNew = !(this.#heard.get(isolate) >= number);
    this.#heard.delete(isolate);
    this.#heard.set(isolate, number);
    if (this.#heard.size > ISOLATES_MOST) this.#heard.delete(this.#heard.keys().next().value);
    if (!isNew) return;
    for (const [name, count] of Object.entries({ ...counts, batches: 1 })) this.#count(name, count);
    this.#save();
  }

  /**
   * All of it as Prometheus reads it. `version`: of the gate that asks. What is said is written down first: a total that went back would be
   * read as one that began anew.
   */
  metrics(version) {
    if (this.#saving !== undefined) {
      clearTimeout(this.#saving);
      this.#write();
    }
    return rendered(this.#totals, version);
  }

  #count(name, count) {
    const isOne = NAME.test(name) && Number.isSafeInteger(count) && count >= 0;
    const fits = Object.hasOwn(this.#totals, name) || Object.keys(this.#totals).length < TOTALS_MOST;
    if (isOne && fits) this.#totals[name] = (this.#totals[name] ?? 0) + count;
    else this.#totals.not_counted = (this.#totals.not_counted ?? 0) + 1;
  }

  #save() {
    if (this.#saving !== undefined) return;
    const wait = this.#savedAt + SAVE_MS - Date.now();
    if (wait <= 0) return this.#write();
    // Not an alarm, which is a row more. It keeps the object in memory for so long.
    this.#saving = setTimeout(() => this.#write(), wait);
  }

  #write() {
    this.#saving = undefined;
    this.#savedAt = Date.now();
    this.ctx.storage.kv.put("totals", this.#totals);
  }
}
