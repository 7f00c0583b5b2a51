// Chance from a seed, so that what happened can be had again.

/** A small generator (mulberry32) with what tests roll for: a number, a choice, bytes. */
export function dice(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  const pick = (list) => list[below(list.length)];
  const bytes = (most) => Buffer.from(Array.from({ length: below(most) }, () => below(256)));
  return { below, pick, bytes };
}

const BENDS = [[], ["%"], ["%00"], ["&"], ["="], ["_"], ["+"], ["%F0%9F%A6%8A"], ["ticket="]];

/** A good text with some of its characters exchanged, doubled or taken away. */
export function bent(text, { below, pick }) {
  const characters = [...text];
  for (let times = below(4); times > 0; times -= 1) {
    const at = below(characters.length + 1);
    characters.splice(at, below(3), ...pick(BENDS));
  }
  return characters.join("");
}
