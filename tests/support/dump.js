// A dump of everything that a gate's stores hold, and every text in it.

/** What Workers KV, the shards (needs `edge: true`) and the server behind the gate hold, as they hold it. */
export async function dump(gate, backing) {
  const onServer = (await backing?.entries()) ?? [];
  const rows = (await gate.shardRows()).map(({ row, ...where }) => ({ ...where, row: readable(row) }));
  return { entries: await gate.kvEntries(), rows, onServer };
}

/** A row whose bytes can be seen: as hexadecimal, and as what they would be if they were text. */
function readable(row) {
  const seen = (value) => {
    if (!(value instanceof ArrayBuffer) && !ArrayBuffer.isView(value)) return value;
    const bytes = Buffer.from(value.buffer ?? value, value.byteOffset, value.byteLength);
    return { hex: bytes.toString("hex"), text: bytes.toString("latin1") };
  };
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, seen(value)]));
}

/** Every text in a structure, keys included, and those in JSON inside of it. */
export function strings(value) {
  if (typeof value === "string") return [value, ...parsed(value)];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...strings(inner)]);
}

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? strings(value) : [];
  } catch {
    return [];
  }
}
