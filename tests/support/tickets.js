// Tickets as texts: their form, and texts that have the form or nearly have it.
import { createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";

/** `wst_`, the home, `_`, 256 bits in base64url (so the last character carries four bits, then two zeros); or a sealed ticket. */
export const TICKET = /^wst_(?:(?!s_)[a-z0-9]+_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]|s_[A-Za-z0-9_-]{103,506})$/;

/** A ticket with a key's check behind it: 128 bits as 22 characters, the last of which carries two bits, then four zeros. */
export const KEYED_TICKET = /^wst_[a-z0-9]+_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048][A-Za-z0-9_-]{21}[AQgw]$/;

/** The ticket with the check that `key` makes. */
export function keyed(ticket, key) {
  const tag = createHmac("sha256", key).update(ticket).digest();
  return `${ticket}${tag.subarray(0, 16).toString("base64url")}`;
}

/** The key of the check that is derived from the login's secret. */
export const derived = (secret) => Buffer.from(hkdfSync("sha256", secret, "", "ws-ticket ticket-check v1", 32));

export function parts(ticket) {
  const [, home, secret] = /^wst_([a-z0-9]+)_(.+)$/.exec(ticket);
  return { home, secret };
}

/** The home of sealed tickets. */
export const SEALED = "s";

/** A ticket that nobody issued. */
export function strange(home) {
  // Of a sealed one: version, key, nonce, two blocks of content, tag.
  const length = home === SEALED ? 1 + 4 + 24 + 64 + 16 : 32;
  return `wst_${home}_${randomBytes(length).toString("base64url")}`;
}

/** The ticket with the character at `index` of its secret changed, still of the right form. */
export function altered(ticket, index = 0) {
  const { home, secret } = parts(ticket);
  const other = secret[index] === "A" ? "Q" : "A";
  return `wst_${home}_${secret.slice(0, index)}${other}${secret.slice(index + 1)}`;
}

/** What a store may know of a ticket. */
export function digest(ticket) {
  return createHash("sha256").update(ticket).digest("hex");
}

/** The key of a ticket's grant in Workers KV. */
export function kvKey(ticket) {
  return `wst:${digest(ticket)}`;
}

/** Texts that are not tickets, each near to the good one it is made from: `[what, text as it stands in the query]`. */
export function malformed(ticket) {
  const { home, secret } = parts(ticket);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const nonCanonical = alphabet[alphabet.indexOf(secret.at(-1)) + 1];
  return [
    ["another prefix", `wsx_${home}_${secret}`],
    ["the prefix in capitals", `WST_${home}_${secret}`],
    ["no prefix", `${home}_${secret}`],
    ["no home", `wst_${secret}`],
    ["an empty home", `wst__${secret}`],
    ["a home in capitals", `wst_${home.toUpperCase()}_${secret}`],
    ["a home with a sign", `wst_${home}-_${secret}`],
    ["no secret", `wst_${home}_`],
    ["one character less", ticket.slice(0, -1)],
    ["one character more", `${ticket}A`],
    ["padding", `${ticket}=`],
    ["a plus sign for a space", `wst_${home}_+${secret.slice(1)}`],
    ["a plus sign", `wst_${home}_%2B${secret.slice(1)}`],
    ["a slash", `wst_${home}_%2F${secret.slice(1)}`],
    ["a last character with spare bits", ticket.slice(0, -1) + nonCanonical],
    ["a space before", `%20${ticket}`],
    ["a space after", `${ticket}%20`],
    ["a line break after", `${ticket}%0A`],
    ["a NUL after", `${ticket}%00`],
    ["a letter outside ASCII", `wst_${home}_%C3%A9${secret.slice(2)}`],
    ["bytes that are not UTF-8", `wst_${home}_%C0%AF${secret.slice(1)}`],
    ["a broken percent sign", `wst_${home}_%ZZ${secret.slice(1)}`],
    ["the ticket twice over", `${ticket}${ticket}`],
    ["ten thousand characters", `wst_${home}_${"A".repeat(10_000)}`],
    ["markup", "%3Cscript%3Ealert(1)%3C/script%3E"],
  ];
}
