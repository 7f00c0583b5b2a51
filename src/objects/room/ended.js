// Whom a room must not take in any more: subjects whose sessions were ended, and what single tickets open, and until when that matters. A
// ticket that was consumed before the end may still be on its way here.

export class Ended {
  #sql;
  /** By the subject's digest, or a ticket's public name: what was issued before that moment opens nothing, and from when on nobody asks any more. */
  #known;

  constructor(sql) {
    this.#sql = sql;
  }

  /** Whether what was issued then to that subject has been ended; of a ticket's name, whether it was ended at all. */
  includes({ key, issued }) {
    return (issued ?? 0) < (this.#all().get(key)?.before ?? 0);
  }

  /** Remembers it until `until`; milliseconds, both. */
  add(key, before, until) {
    this.#all();
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS ended (key TEXT PRIMARY KEY, before INTEGER, until INTEGER) WITHOUT ROWID",
    );
    const known = this.#known.get(key) ?? { before: 0, until: 0 };
    const now = { before: Math.max(before, known.before), until: Math.max(until, known.until) };
    this.#sql.exec("INSERT OR REPLACE INTO ended VALUES (?, ?, ?)", key, now.before, now.until);
    this.#known.set(key, now);
  }

  /** Drops what matters no more. */
  forget(now) {
    for (const [key, { until }] of this.#all()) {
      if (until > now) continue;
      this.#sql.exec("DELETE FROM ended WHERE key = ?", key);
      this.#known.delete(key);
    }
  }

  /** When the first may be dropped. */
  first() {
    // Not by spreading them: there may be more than a call takes.
    let first = Infinity;
    for (const { until } of this.#all().values()) first = Math.min(first, until);
    return first;
  }

  #all() {
    if (this.#known !== undefined) return this.#known;
    const there = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'ended'").toArray().length > 0;
    const rows = there ? this.#sql.exec("SELECT * FROM ended").toArray() : [];
    this.#known = new Map(rows.map(({ key, before, until }) => [key, { before, until }]));
    return this.#known;
  }
}
