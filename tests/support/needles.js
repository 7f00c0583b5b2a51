// Finds secrets in whatever a gate let out: any twelve characters of one in a row, as they are or in any encoding in which a
// careless line would have written them.

const LENGTH = 12;

/** A text in the encodings: `[name, text]`. Base64 looks different at each of three places in what it is a part of. */
function encodings(secret) {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString("hex");
  const units = [...Array(secret.length).keys()].map((at) => secret.charCodeAt(at).toString(16));
  const found = [
    ["as it is", secret],
    ["hexadecimal", hex],
    ["hexadecimal with spaces", hex.replace(/..(?!$)/g, "$& ")],
    ["percent-encoded", hex.replace(/../g, "%$&")],
    ["escaped as in JSON", units.map((unit) => `\\u${unit.padStart(4, "0")}`).join("")],
    ["escaped as in HTML", units.map((unit) => `&#x${unit};`).join("")],
    ["a list of bytes", [...bytes].join(",")],
    ["a list of bytes with spaces", [...bytes].join(", ")],
    ["JSON in JSON", JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
  ];
  for (const shift of [0, 1, 2]) {
    // What is before it and after it in the same group of three bytes is not known.
    const base64 = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const whole = base64.slice(shift === 0 ? 0 : 4, -2);
    found.push(["base64", whole], ["base64url", whole.replaceAll("+", "-").replaceAll("/", "_")]);
  }
  return found;
}

export class Needles {
  #grams = new Map();
  #known = new Set();

  /** How many secrets are looked for. */
  get size() {
    return this.#known.size;
  }

  /** Looks for this text as well. `bytes: true` says that it is base64url, whose bytes are the secret, too. */
  add(name, secret, { bytes = false } = {}) {
    if (secret.length < LENGTH) throw new Error(`${name} is too short to be recognised`);
    if (this.#known.has(secret)) return secret;
    this.#known.add(secret);
    for (const [form, text] of encodings(secret)) this.#look(`${name}, ${form}`, text);
    if (bytes) {
      const raw = Buffer.from(secret, "base64url");
      this.#look(`${name}, its bytes in hexadecimal`, raw.toString("hex"));
      this.#look(`${name}, its bytes as a list`, [...raw].join(","));
    }
    return secret;
  }

  #look(what, text) {
    // Without regard to case: headers, hosts and hexadecimal lose it.
    const lower = text.toLowerCase();
    for (let at = 0; at + LENGTH <= lower.length; at += 1) this.#grams.set(lower.slice(at, at + LENGTH), what);
  }

  /** What is found in a text, each thing once: `["the key, base64"]`. */
  find(text) {
    const found = new Set();
    const lower = text.toLowerCase();
    for (let at = 0; at + LENGTH <= lower.length; at += 1) {
      const what = this.#grams.get(lower.slice(at, at + LENGTH));
      if (what !== undefined) found.add(what);
    }
    return [...found];
  }
}
