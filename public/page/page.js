// The page: what each button does. Everything that is known of the gate comes from /health.
import { clear, show, showRefusal } from "./answer.js";
import { showCode } from "./app.js";
import { allow, byId, make, onPress, say } from "./dom.js";
import { facts, refresh, word } from "./facts.js";
import { asRefusal, Refusal, requestTicket, whyNot } from "./gate.js";
import { language, speak, t, text, took, translatePage, write } from "./i18n.js";
import { log } from "./log.js";
import { drawGrid, nameGrid, RUNNERS, race } from "./race.js";
import { Room } from "./room.js";
import { Talk, tryOnce } from "./talk.js";
import { showTicket, showUsed, Ticket } from "./ticket.js";
import { who } from "./who.js";

let ticket;
let waitsUntil = 0;
let racing = false;
let asking = false;
/** Until when a rate limit may be why an upgrade fails: a race has many refused, and limits count by the minute. */
let limitedUntil = 0;

const talk = new Talk(update);
const carriage = () => document.querySelector("[name=carriage]:checked").value;
const room = new Room({
  nextTicket: enterBy,
  carriage,
  onTurnedAway: () => turnedAway(byId("room-answer"), text("room.turned-away"), text("room.turned-away.why")),
  onChange: update,
});

function update() {
  const rested = performance.now() >= waitsUntil;
  allow(byId("get"), rested && !asking);
  const has = facts().session !== "none";
  allow(byId("connect"), has && !talk.connected && (rested || ticket?.fresh));
  allow(byId("again"), ticket?.presented === true);
  allow(byId("race"), has && rested && !racing);
  allow(byId("room-enter"), rested && !room.entered);
  allow(byId("room-leave"), room.entered);
  allow(byId("room-send"), room.open);
  allow(byId("send"), talk.open);
  allow(byId("cut"), talk.open);
  allow(byId("leave"), talk.connected);
  write(byId("carriage-hint"), text(has ? `carriage.${carriage()}.hint` : "carriage.none.hint"));
}

/** A ticket from the gate, for the room that is filled in or another; a refusal is shown in `place` and thrown on. */
async function fetchTicket(place, signal, wanted) {
  const me = who(wanted);
  try {
    const issued = await requestTicket(me, signal);
    clear(place);
    log("log.issued", { seconds: issued.answer.expires_in }, { ms: issued.ms });
    return new Ticket(issued, me);
  } catch (error) {
    const refusal = asRefusal(error);
    if (!signal?.aborted) refused(place, refusal);
    throw refusal;
  }
}

function refused(place, refusal) {
  const { status, code } = refusal;
  log(status ? "log.refused" : "log.silent", { status, code }, { tone: "bad" });
  const seconds = showRefusal(place, refusal);
  if (seconds > 0) {
    waitsUntil = performance.now() + seconds * 1000;
    setTimeout(update, seconds * 1000 + 50);
  }
  if (status === 0 || status >= 500) refresh();
  update();
}

async function get() {
  asking = true;
  update();
  try {
    ticket = await fetchTicket(byId("get-answer"));
    showTicket(ticket);
    clear(byId("connect-answer"));
    say(t("say.issued", { seconds: ticket.seconds }));
  } catch {
    // It is on the page.
  } finally {
    asking = false;
    update();
  }
}

function connect() {
  const place = byId("connect-answer");
  clear(place);
  const nextTicket = async (signal) => {
    if (ticket?.fresh) return ticket;
    rest();
    try {
      ticket = await fetchTicket(place, signal);
    } catch (refusal) {
      if (isFinal(refusal)) talk.leave();
      throw refusal;
    }
    showTicket(ticket);
    return ticket;
  };
  const onTurnedAway = () => turnedAway(place, text("connect.turned-away"), text("connect.turned-away.why"));
  const welcomes = facts().session !== "upstream";
  talk.connect({ nextTicket, carriage: carriage(), welcomes, onTorn: showUsed, onTurnedAway });
}

/** Throws while a rate limit is to be waited for: the client waits as long as this says. */
function rest() {
  const left = Math.ceil((waitsUntil - performance.now()) / 1000);
  if (left > 0) throw new Refusal({ status: 429, code: "rate_limited", retryAfter: left });
}

/** Whether asking again would not help: there is something to mend first. */
const isFinal = ({ code, status }) => code === "redirected" || (status >= 400 && status < 429);

/** An upgrade failed: the gate says why, or it let the ticket in, and what stands behind it didn't. */
async function turnedAway(place, ...said) {
  const why = await whyNot({ limits: true });
  if (why) refused(place, why);
  else if (facts().session === "upstream") show(place, "bad", ...said);
}

async function enterBy(name, signal) {
  const place = byId("room-answer");
  rest();
  try {
    return await fetchTicket(place, signal, name);
  } catch (refusal) {
    if (isFinal(refusal)) room.leave();
    throw refusal;
  }
}

function enter() {
  const name = byId("room-name").value.trim();
  clear(byId("room-answer"));
  if (Room.takes(name)) room.enter(name);
  else show(byId("room-answer"), "bad", text("room.strange"), text("room.strange.why"));
}

/** A script sees a close code and no status. What the gate says of itself afterwards tells a refusal from a gate that is gone. */
async function again() {
  const place = byId("connect-answer");
  show(place, "", text("again.trying"));
  const { outcome, code, ms } = await tryOnce(ticket.present(carriage()));
  if (outcome === "admitted") {
    log("log.again.admitted", {}, { ms, tone: "bad" });
    show(place, "warn", text("again.admitted"), text("again.admitted.why"));
    return;
  }
  const why = await whyNot({ limits: performance.now() < limitedUntil });
  if (why) {
    log("log.again.unknown", {}, { ms, tone: "bad" });
    refused(place, why);
  } else if (outcome === "silent") {
    log("log.again.unknown", {}, { ms, tone: "bad" });
    show(place, "warn", text("again.silent"), text("again.silent.why"));
  } else {
    log("log.again.refused", { code }, { ms, tone: "bad" });
    show(place, "bad", text("again.refused"), text("again.refused.why"), text("again.refused.seen", { code }));
  }
}

async function startRace() {
  racing = true;
  update();
  const place = byId("race-answer");
  try {
    const entrant = await fetchTicket(place);
    const way = carriage();
    log("log.race", { count: RUNNERS });
    say(t("say.race", { count: RUNNERS }));
    const progress = (done) => write(byId("score"), text("race.progress", { done, count: RUNNERS }));
    progress(0);
    finish(await race(entrant.present(way), progress, (admitted) => whyNot({ limits: admitted === 0 })), place);
    limitedUntil = performance.now() + 60_000;
  } catch {
    // It is on the page.
  } finally {
    racing = false;
    update();
  }
}

function finish({ admitted, refused: turnedAway, silent, ms, why }, place) {
  const parts = [
    ["good", "race.admitted", admitted],
    ...(turnedAway > 0 || silent === 0 ? [["bad", "race.refused", turnedAway]] : []),
    ...(silent > 0 ? [["", "race.silent", silent]] : []),
  ];
  const score = byId("score");
  write(score, "");
  score.append(
    ...parts.map(([tone, key, count]) => {
      const part = make("span", undefined, { className: tone });
      part.append(make("b", String(count)), " ", make("span", text(key)));
      return part;
    }),
    make("span", text("race.took", { ms: () => took(ms) })),
  );
  const line = silent > 0 ? "log.raced.silent" : "log.raced";
  log(line, { admitted, refused: turnedAway, silent }, { ms, tone: admitted === 1 ? "good" : "bad" });
  if (admitted > 1) show(place, "warn", text("race.several", { admitted }), text("race.several.why"));
  else if (why) refused(place, why);
  else if (admitted === 1) say(t("say.raced", { refused: turnedAway }));
  else show(place, "bad", text("race.nobody"), text("race.nobody.why"));
}

function changeLanguage({ target }) {
  speak(target.value);
  nameGrid();
  showCode();
  update();
}

for (const radio of document.querySelectorAll("[name=language]")) {
  radio.checked = radio.value === language();
  radio.addEventListener("change", changeLanguage);
}
translatePage();
drawGrid();
showCode();
update();

byId("who").addEventListener("submit", (event) => {
  event.preventDefault();
  if (byId("get").ariaDisabled !== "true") get();
});
byId("speak").addEventListener("submit", (event) => {
  event.preventDefault();
  const { value } = byId("message");
  if (!talk.open || value === "") return;
  talk.say(value);
  byId("message").value = "";
});
byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  if (byId("room-enter").ariaDisabled !== "true") enter();
});
byId("room-speak").addEventListener("submit", (event) => {
  event.preventDefault();
  const { value } = byId("room-message");
  if (!room.open || value.trim() === "") return;
  room.say(value);
  byId("room-message").value = "";
});
onPress(byId("room-leave"), () => room.leave());
onPress(byId("connect"), connect);
onPress(byId("again"), again);
onPress(byId("race"), startRace);
onPress(byId("cut"), () => talk.cut());
onPress(byId("leave"), () => talk.leave());
for (const radio of document.querySelectorAll("[name=carriage]")) radio.addEventListener("change", update);

// There is room for the facts where there are two columns; on a phone they are one line until somebody wants them.
const wide = matchMedia("(min-width: 56.01rem)");
byId("facts").open = wide.matches;
wide.addEventListener("change", () => {
  byId("facts").open = wide.matches;
});

const look = () => refresh().then(showCode);
addEventListener("online", look);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());

await look();
const { store } = facts();
if (store) log("log.health", { store: word(store) });
update();
