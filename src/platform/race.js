// Promises that are waited for no longer than so many milliseconds.

/** The promise's value, or a rejection with `null` when the time has passed. The timer ends with the race. */
export function within(ms, promise) {
  let timer;
  const passed = new Promise((_, reject) => {
    timer = setTimeout(reject, ms, null);
  });
  return Promise.race([promise, passed]).finally(() => clearTimeout(timer));
}
