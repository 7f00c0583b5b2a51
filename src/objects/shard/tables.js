// Runs a statement in one call from the wasm. tables.rs is the other side.

/** The first row of what it gives, as a list; nothing where it gives none. */
export function row(sql, statement, ...bindings) {
  return sql
    .exec(statement, ...bindings)
    .raw()
    .next().value;
}
