/** What is known of anything that was thrown: `undefined`, an object without a prototype, one whose getters throw. */
export function facts(thrown) {
  try {
    const { status, code, retryAfter, message = thrown } = thrown;
    return { status, code, message: String(message), _least: milliseconds(String(retryAfter)) };
  } catch {
    return { message: "", _least: 0 };
  }
}

/** Of a `Retry-After`, an hour at most. Two that a proxy has joined make a list, of which the longest counts. */
function milliseconds(field) {
  const waits = field.split(/, *(?=\w+(,|$))/).map((wait) => wait * 1000 || Date.parse(wait) - Date.now() || 0);
  return Math.min(3600000, Math.max(0, ...waits));
}
