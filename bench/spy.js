// Counts what crosses between JavaScript and the wasm: each call of an import, each call of an export from JavaScript. Bundled before
// the gate, it tells at GET /__crossings; so the figures of this side are never compared with others.
let count = 0;
const counted = (call) =>
  typeof call === "function"
    ? (...args) => {
        count += 1;
        return call(...args);
      }
    : call;
const each = (members) => Object.fromEntries(Object.entries(members).map(([name, member]) => [name, counted(member)]));

WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, [module, imports]) {
    const spied = Object.fromEntries(Object.entries(imports).map(([from, members]) => [from, each(members)]));
    const { exports } = new target(module, spied);
    return { exports: each(exports) };
  },
});

/** The Worker, and how much has crossed since the last look. */
export const spied = (gate) => ({
  fetch(request, env, ctx) {
    if (!request.url.endsWith("/__crossings")) return gate.fetch(request, env, ctx);
    const crossed = count;
    count = 0;
    return new Response(String(crossed));
  },
});
