// What the artifact holds on to, seen from outside. Imported before the artifact, which makes its instance as it is loaded.
const held = { exports: undefined, timers: new Set(), kept: 0 };

WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, args) {
    const instance = new target(...args);
    held.exports = instance.exports;
    return instance;
  },
});

const { setTimeout: set, clearTimeout: clear } = globalThis;
globalThis.setTimeout = (then, ms, ...args) => {
  const timer = set(() => {
    held.timers.delete(timer);
    then(...args);
  }, ms);
  held.timers.add(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => {
  held.timers.delete(timer);
  clear(timer);
};

/** The request's context, which counts the promises that it is to be kept alive for. */
export function counting(ctx) {
  return new Proxy(ctx, {
    get(target, name) {
      if (name !== "waitUntil") return Reflect.get(target, name, target);
      return (promise) => {
        held.kept += 1;
        target.waitUntil(promise);
      };
    },
  });
}

/**
 * `memory`: bytes of the wasm's memory. `slots`: the length of its table of JavaScript values, and `live` how many of them are
 * taken. `timers`: those that will still fire. `kept`: how many promises requests were kept alive for.
 */
export function holding() {
  const table = held.exports.__wbindgen_externrefs;
  let live = 0;
  for (let slot = 0; slot < table.length; slot += 1) if (table.get(slot) != null) live += 1;
  const { timers, kept } = held;
  return { memory: held.exports.memory.buffer.byteLength, slots: table.length, live, timers: timers.size, kept };
}
