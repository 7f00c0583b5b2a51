// Whether a connection still leads anywhere. A path that has died says nothing: no error, no close, and it takes what is sent.

/**
 * Asks `socket` by `text` when nothing was heard for `pingInterval`, and calls `dead` when nothing is heard in `pingTimeout` then, until
 * the `signal`. The answer has `_heard(data)`, to be called for each message, true for an answer that is nobody else's; and `_check()`.
 */
export function watch(socket, text, { pingInterval = 30000, pingTimeout = 5000 }, signal, dead) {
  let timer;
  let due;
  let left; // to be sent before the question
  let asked = 0; // since when there is no answer
  let unanswered = 0;
  let last = Date.now();
  const look = (want) => {
    clearTimeout(timer);
    const now = Date.now();
    // A timer that is so late, or a clock that was set: an answer may lie there unread, so another question is fairer.
    const slept = Math.abs(now - due) > 2000;
    const limit = () => (asked ? asked + pingTimeout : last + pingInterval);
    const over = now >= limit();
    // Unless something large goes out first, and does go.
    if (over && asked && !slept && !(socket.bufferedAmount < left)) return dead();
    if (over || slept || want) {
      asked = now;
      left = socket.bufferedAmount;
      unanswered++;
      try {
        socket.send(text);
      } catch {
        return dead();
      }
    }
    // Short, so that a sleep is seen, and silence after an answer.
    due = Math.min(limit(), now + pingInterval, now + 5000);
    timer = setTimeout(look, due - now);
  };
  signal.onabort = () => clearTimeout(timer);
  look();
  return {
    _heard(data) {
      last = Date.now();
      asked = 0;
      return text === "ws-ticket:ping" && data === "ws-ticket:pong" && unanswered && unanswered--;
    },
    _check() {
      // What has been heard a moment ago needs no question.
      if (!asked && Date.now() - last > 1000) look(true);
    },
  };
}
