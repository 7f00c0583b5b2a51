// Whether a message of a member's is a renewal, and no word to the others.

/** Bytes are looked through up to so many: a ticket has 4096 at most. */
const LOOKED_THROUGH = 8192;
const HAS_TICKET = /wst_[a-z0-9]{1,16}_[\w-]{16}/;
const decoder = new TextDecoder();

/**
 * What `{"type":"renew","ticket":…}` has for a ticket; `{}` where a message, as text or as bytes, only has a ticket in it: it isn't handed
 * on either, since others would read it. `undefined` for all else.
 */
export function renewalIn(data) {
  const isText = typeof data === "string";
  if (isText && data.includes('"renew"')) {
    try {
      const message = JSON.parse(data);
      if (message?.type === "renew") return { ticket: message.ticket };
    } catch {
      // No JSON.
    }
  }
  if (!isText && data.byteLength > LOOKED_THROUGH) return undefined;
  return HAS_TICKET.test(isText ? data : decoder.decode(data)) ? {} : undefined;
}
