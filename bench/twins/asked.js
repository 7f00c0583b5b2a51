// Bindings of stores that tell each time they are asked.
const later = (ms, ask) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)).then(ask) : ask());

/** Shards as they are asked by RPC, after so many milliseconds. */
const shard = (namespace, ms, count) =>
  new Proxy(namespace, {
    get(target, name) {
      if (name !== "getByName") return Reflect.get(target, name);
      return (...names) => ({
        ask(...what) {
          count("shard");
          return later(ms, () => target.getByName(...names).ask(...what));
        },
      });
    },
  });

/** A namespace of Workers KV. */
function kv(namespace, count) {
  const through = (name) => [
    name,
    (...args) => {
      count(`kv.${name}`);
      return namespace[name](...args);
    },
  ];
  return Object.fromEntries(["get", "put", "delete"].map(through));
}

export const asked = { shard, kv };
