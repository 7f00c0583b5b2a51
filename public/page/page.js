// The page: what each button does. Everything that is known of the gate comes from /health.
import { clear, show, showRefusal } from "./answer.js";
import { allow, byId, onPress, say } from "./dom.js";
import { facts, refresh, word } from "./facts.js";
import { asRefusal, requestTicket, upgradesLimited } from "./gate.js";
import { t, took, translatePage } from "./i18n.js";
import { log } from "./log.js";
import { drawGrid, RUNNERS, race } from "./race.js";
import { Talk, tryOnce } from "./talk.js";
import { showTicket, showUsed, Ticket } from "./ticket.js";
import { who } from "./who.js";

let ticket;
let waitsUntil = 0;
let racing = false;
let asking = false;

const talk = new Talk(update);
const carriage = () => document.querySelector("[name=carriage]:checked").value;

function update() {
  const rested = performance.now() >= waitsUntil;
  allow(byId("get"), rested && !asking);
  allow(byId("connect"), !talk.connected && (rested || ticket?.fresh));
  allow(byId("again"), ticket?.presented === true);
  allow(byId("race"), rested && !racing);
  allow(byId("send"), talk.open);
  allow(byId("leave"), talk.connected);
  byId("carriage-hint").textContent = t(`carriage.${carriage()}.hint`);
}

/** A ticket from the gate; a refusal is shown in `place` and thrown on. */
async function fetchTicket(place, signal) {
  const me = who();
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
  log("log.refused", { status: refusal.status || "–", code: refusal.code }, { tone: "bad" });
  const seconds = showRefusal(place, refusal);
  if (seconds > 0) {
    waitsUntil = performance.now() + seconds * 1000;
    setTimeout(update, seconds * 1000 + 50);
  }
  if (refusal.status === 0 || refusal.status >= 500) refresh();
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
  clear(byId("connect-answer"));
  const nextTicket = async (signal) => {
    if (ticket?.fresh) return ticket;
    try {
      ticket = await fetchTicket(byId("connect-answer"), signal);
    } catch (refusal) {
      // Asking again would not help: there is something to mend first.
      if (refusal.status >= 400 && refusal.status < 429) talk.leave();
      throw refusal;
    }
    showTicket(ticket);
    return ticket;
  };
  talk.connect({ nextTicket, carriage: carriage(), onTorn: showUsed });
}

async function again() {
  const place = byId("connect-answer");
  show(place, "", t("again.trying"));
  const { admitted, code, ms } = await tryOnce(ticket.present(carriage()));
  if (admitted) {
    log("log.again.admitted", {}, { ms, tone: "bad" });
    show(place, "warn", t("again.admitted"), t("again.admitted.why"));
    return;
  }
  log("log.again.refused", { code }, { ms, tone: "bad" });
  show(place, "bad", t("again.refused"), t("again.refused.why", { code }));
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
    const opened = entrant.present(way);
    const progress = (done) => {
      byId("score").textContent = t("race.progress", { done, count: RUNNERS });
    };
    progress(0);
    finish(await race(opened, progress), place);
  } catch {
    // It is on the page.
  } finally {
    racing = false;
    update();
  }
}

async function finish(score, place) {
  const { admitted, refused: turnedAway, silent, ms } = score;
  const parts = [
    ["good", "race.admitted", admitted],
    ["bad", "race.refused", turnedAway],
    ...(silent > 0 ? [["", "race.silent", silent]] : []),
  ];
  byId("score").replaceChildren(
    ...parts.map(([tone, key, count]) => {
      const part = document.createElement("span");
      const number = document.createElement("b");
      number.textContent = count;
      part.className = tone;
      part.append(number, ` ${t(key)}`);
      return part;
    }),
    t("race.took", { ms: took(ms) }),
  );
  log("log.raced", { admitted, refused: turnedAway }, { ms, tone: admitted === 1 ? "good" : "bad" });
  if (admitted === 1) say(t("say.raced", { refused: turnedAway }));
  else if (admitted > 1) show(place, "warn", t("race.several", { admitted }), t("race.several.why"));
  else {
    const limit = await upgradesLimited();
    if (limit) refused(place, limit);
    else show(place, "bad", t("race.nobody"), t("race.nobody.why"));
  }
}

translatePage();
drawGrid();
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
onPress(byId("connect"), connect);
onPress(byId("again"), again);
onPress(byId("race"), startRace);
onPress(byId("leave"), () => talk.leave());
for (const radio of document.querySelectorAll("[name=carriage]")) radio.addEventListener("change", update);
addEventListener("online", refresh);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());

await refresh();
const { store, guarantee } = facts();
if (store) log("log.health", { store, guarantee: word(guarantee) });
update();
