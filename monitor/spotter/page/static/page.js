// The spotter's page: what the server says, put on the screen; and the alarm, which rings until it is answered.

import { RefusedError, PAGE, get, live, post, say } from "./server.js";
import { Card, LostCard, Walker, button, el, phoneBar, tab, text } from "./show.js";
import { Sound } from "./sound.js";
import { LOOKS, REFUSALS, SAY, fill, time } from "./words.js";

const SILENT_S = 3; // of the server: amber
const LOST_S = 5; // and it rings
const PAUSE_S = 60;
const LOOK_MS = 250;
const STRIP_S = 90;
const SWITCHED_MS = 700; // an alarm that takes another's place takes no touch that was meant for that one

const main = document.getElementById("main");
const overlay = document.getElementById("alarm");
const footer = document.getElementById("phone");
const sheet = document.getElementById("sheet");
const sound = new Sound();

const known = {
  you: "",
  pushKey: "",
  tiles: new Map(), // device -> {tile, at}
  points: new Map(), // device -> points of the strip
  people: [],
  call: null,
  order: [], // of the board: the worst first
  watches: {}, // name -> devices, of those who do not watch all
};
let stream = null;
let paused = { until: 0, keys: new Set() };
const lookedAfter = new Set(); // devices of which the server says nothing, and somebody knows
let away = null; // {since, numbers}: when we last heard, and the logs' numbers then
let unseen = null; // shows what was missed, once no alarm is before it
let pressed = 0; // number of the roll call that was answered here
let canRing = false;

const now_s = () => performance.now() / 1000;

// ---------------------------------------------------------------- the door

async function begin() {
  const entry = location.hash.match(/^#enter=([\w-]+)$/);
  if (entry) {
    history.replaceState(null, "", "/");
    await post("/enter", { word: entry[1] }).catch((error) => askCode(REFUSALS[error.message]));
  }
  let me;
  try {
    me = await get("/me");
  } catch (error) {
    if (error.message === "no_session") return askCode();
    main.replaceChildren(el("p", { class: "card" }, REFUSALS.network));
    setTimeout(begin, 2000);
    return;
  }
  known.you = me.name;
  known.pushKey = me.push_key;
  main.replaceChildren();
  stream = live({ all: hearAll, tile: hearTile, people: hearPeople }, unpaired);
  if (navigator.serviceWorker) navigator.serviceWorker.register("/worker.js").catch(() => {});
}

function unpaired() {
  stream?.close();
  stream = null;
  askCode(REFUSALS.no_session);
}

async function askCode(trouble = "") {
  const { askCode: ask } = await import("./enter.js");
  overlay.replaceChildren();
  footer.replaceChildren();
  sound.ring("");
  ask(main, begin, trouble);
}

// ---------------------------------------------------------------- what the server says

function hearAll({ tiles, strips, you, order }) {
  known.you = you;
  known.order = order;
  known.tiles = new Map(tiles.map((tile) => [tile.device, { tile, at: now_s() }]));
  for (const [device, points] of Object.entries(strips)) {
    known.points.set(device, points.map(([age_s, sway, rhythm, direction]) => ({ at_s: now_s() - age_s, sway, rhythm, direction })));
  }
  lookedAfter.clear();
  if (away) comeBack();
  look();
}

function hearTile(tile) {
  const before = known.tiles.get(tile.device)?.tile;
  lookedAfter.delete(tile.device);
  known.tiles.set(tile.device, { tile, at: now_s() });
  if (tile.known && tile.beat !== before?.beat) {
    const points = known.points.get(tile.device) ?? [];
    const { sway_percent: sway, rhythm_percent: rhythm, direction } = tile.gait;
    points.push({ at_s: now_s(), sway, rhythm, direction });
    known.points.set(tile.device, points.filter((point) => now_s() - point.at_s < STRIP_S));
  }
  if (known.tiles.size < 2 || !before || news(tile) !== news(before)) look(); // thirty would have us look all the time
}

const news = ({ look: word, alone, signal, alerts }) =>
  JSON.stringify([word, alone, signal.lost, signal.rings, alerts.map((alert) => [alert.id, alert.sequence, alert.rings])]);

function hearPeople({ people, roll_call: call, watches }) {
  known.people = people;
  known.call = call;
  known.watches = watches;
  look();
}

// The tiles as they are now. Each comes every second: one that does not is unknown, whatever else is heard.
function current() {
  const tiles = [...known.tiles.values()].map(({ tile, at }) => {
    const passed_s = now_s() - at;
    const aged = {
      ...tile,
      look_s: tile.look_s + passed_s,
      gait: { ...tile.gait, step_age_s: tile.gait.step_age_s === null ? null : tile.gait.step_age_s + passed_s },
      signal: { ...tile.signal, silent_s: tile.signal.silent_s === null ? null : tile.signal.silent_s + passed_s },
      alerts: tile.alerts.map((alert) => ({ ...alert, age_s: alert.age_s + passed_s })),
    };
    aged.lost_s = aged.signal.silent_s ?? aged.look_s;
    if (passed_s <= SILENT_S) return aged;
    // What stood when we last heard may be long over: it is shown, and it rings no more as if it were new.
    const rings = tile.armed && passed_s > LOST_S && !lookedAfter.has(tile.device);
    const why = navigator.onLine ? SAY.lost_server : SAY.offline;
    const alerts = aged.alerts.map((alert) => ({ ...alert, rings: false }));
    const unknown = { alone: false, walking: false, known: false, listening: [] };
    return { ...aged, ...unknown, look: "no_signal", lost_s: passed_s, alerts, signal: { ...aged.signal, lost: true, cut: false, rings, why, server: true } };
  });
  return tiles.sort((a, b) => rank(a) - rank(b) || mine(b) - mine(a) || a.device.localeCompare(b.device, undefined, { numeric: true }));
}

// The tile's place in the board's order: that of its word, or of being alone if that is worse.
const rank = (tile) => Math.min(known.order.indexOf(tile.look), tile.alone ? known.order.indexOf("alone") : Infinity);

const mine = ({ device }) => !known.watches[known.you] || known.watches[known.you].includes(device);

const rung = (tile) => mine(tile) || tile.everybody; // where none of his own can hear, everybody is to

// Without the broker, or the server: it is one thing that is lost, however many walkers it hides.
const hidden = (tile) => (tile.signal.server ? "server" : tile.signal.cut ? "broker" : "");

function outage(tiles) {
  const why = tiles[0].signal.server ? tiles[0].signal.why : SAY.lost_broker;
  if (tiles.length === 1) return fill(SAY.other_alarm, { who: why, what: tiles[0].device });
  return fill(SAY.outage, { why, count: tiles.length, armed: tiles.filter((tile) => tile.armed).length });
}

// ---------------------------------------------------------------- the screen

const walkers = new Map();
let board = null; // on its way, and then there
const bar = el("header", { class: "bar" });
const title = el("h1");
const back = button(SAY.all_walkers, () => (location.hash = ""), "plain");
const night = button(SAY.night, () => setNight(!document.documentElement.hasAttribute("data-night")), "plain");
const more = button("···", settings, "plain");
more.setAttribute("aria-label", SAY.menu);
bar.append(back, title, night, more);
const silent = button(SAY.silent, start, "pause"); // on an alarm that cannot be heard
const others = el("div", { class: "others" }); // on an alarm: what else rings
let overlayKey = "";
let overlayPart = null;
let unfocused = false; // its buttons are there only after its first update
let passedOver = new Set(); // alarms that somebody has left for a less urgent one

function loadBoard() {
  board ??= import("./board.js").then(
    ({ Board }) => (board = new Board((device) => (location.hash = device))),
    () => (board = null), // the next look tries again
  );
}

function look() {
  if (!stream) return;
  const tiles = current();
  const ringing = alarms(tiles);
  const paused_s = pauseLeft(ringing);
  const high = pick(ringing);
  showOverlay(high, ringing, paused_s);
  ring(ringing, paused_s);
  const [worst] = tiles;
  const loudest = ringing.find((alarm) => alarm.tiles) ?? { look: tiles.length > 1 ? known.order[rank(worst)] : worst?.look, who: worst?.device };
  tab(loudest.look, loudest.who, ringing.length > 0);
  const chosen = tiles.find((tile) => tile.device === location.hash.slice(1));
  const one = chosen ?? (tiles.length === 1 ? tiles[0] : null);
  text(title, one ? one.device : SAY.all_walkers);
  back.hidden = tiles.length < 2 || !one;
  if (!bar.isConnected) main.replaceChildren(bar);
  if (one) {
    if (!walkers.has(one.device)) walkers.set(one.device, new Walker(one.device, { answer, request, pause, rollCall, session }));
    const walker = walkers.get(one.device);
    place(walker.element);
    walker.update(one, known.points.get(one.device) ?? [], known.you, high?.alert?.id, paused_s);
  } else if (board?.element) {
    place(board.element);
    const lost = tiles.filter(hidden);
    board.update(tiles, { order: known.order, rank, mine, outage: lost.length ? outage(lost) : "" });
  } else {
    place(waiting);
    if (tiles.length) loadBoard();
  }
  const why = whyNot();
  phoneBar(footer, { started: sound.started, can: canRing, why, keptOn: sound.canKeepOn, people: known.people, you: known.you, start });
}

const waiting = el("p", { class: "card" }, SAY.no_device);

function place(element) {
  if (main.children[1] !== element) main.replaceChildren(bar, element);
}

// What rings: the loudest first. key: a pause ends when a new one comes.
function alarms(tiles) {
  const found = [];
  if (known.call && known.call.age_s < 60 && pressed !== known.call.number) {
    const done = known.call.pressed[known.you] !== undefined;
    if (!done) found.push({ key: `roll-${known.call.number}`, kind: "roll", full: true, call: known.call, rank: 2 });
  }
  const lost = { server: [], broker: [] };
  for (const tile of tiles.filter(rung)) {
    const about = { tiles: [tile], who: tile.device };
    if (tile.signal.rings && tiles.length > 1 && hidden(tile)) lost[hidden(tile)].push(tile);
    else if (tile.signal.rings) found.push({ ...about, key: `signal-${tile.device}`, ...SIGNAL, what: tile.signal.why });
    for (const alert of tile.alerts) {
      if (!alert.rings) continue;
      const full = alert.priority === 3 || alert.kind === "test";
      const loud = full ? { kind: "high", full, rank: 0 } : { kind: "medium", full, rank: 3 };
      found.push({ ...about, key: `${tile.device}-${alert.id}`, ...loud, look: alert.look, alert });
    }
  }
  for (const [what, hides] of Object.entries(lost)) {
    if (!hides.length) continue;
    const who = hides.length > 1 ? fill(SAY.walkers, { count: hides.length }) : hides[0].device;
    found.push({ tiles: hides, who, key: `signal ${what}`, ...SIGNAL, what: outage(tiles.filter((tile) => hidden(tile) === what)) });
  }
  return found.sort((a, b) => urgency(a) - urgency(b));
}

const SIGNAL = { kind: "lost", full: true, rank: 1, look: "no_signal" };

const urgency = (alarm) => alarm.rank * 100 + known.order.indexOf(alarm.look);

// What is shown of it: the most urgent, or what somebody chose; another of the same urgency takes no place.
function pick(ringing) {
  const shown = ringing.find((alarm) => alarm.key === overlayKey);
  const first = ringing.find((alarm) => alarm.full && !(shown && passedOver.has(alarm.key)));
  return shown && !(first && urgency(first) < urgency(shown)) ? shown : first;
}

function choose(alarm, ringing) {
  passedOver = new Set(ringing.map(({ key }) => key));
  setOverlay(alarm);
  look();
}

function pauseLeft(ringing) {
  if (paused.until && ringing.some((alarm) => !paused.keys.has(alarm.key))) paused = { until: 0, keys: new Set() };
  return Math.max(0, paused.until - now_s());
}

function pause() {
  paused = { until: now_s() + PAUSE_S, keys: new Set(alarms(current()).map((alarm) => alarm.key)) };
  look();
}

let shaken = 0;
function ring(ringing, paused_s) {
  const [loudest] = ringing;
  sound.ring(loudest && paused_s <= 0 ? loudest.kind : "");
  if (loudest && paused_s <= 0 && navigator.vibrate && now_s() - shaken > 1.5) {
    shaken = now_s();
    navigator.vibrate(loudest.kind === "medium" ? [200] : [500, 200, 500]);
  }
}

function showOverlay(alarm, ringing, paused_s) {
  if ((alarm?.key ?? "") !== overlayKey) {
    const instead = overlayKey && alarm;
    passedOver.clear();
    setOverlay(alarm);
    if (instead) hesitate(overlayPart.element);
  }
  if (!alarm) {
    if (unseen && !sheet.open) unseen();
    return;
  }
  if (alarm.kind === "roll") overlayPart.update(alarm.call);
  else if (alarm.kind === "lost") overlayPart.update(alarm.tiles, alarm.what, paused_s);
  else overlayPart.update(alarm.tiles[0], alarm.alert, known.you, true, paused_s);
  showOthers(ringing.filter((other) => other.tiles && other !== alarm), ringing);
  silent.hidden = canRing;
  if (!silent.isConnected) overlayPart.element.append(silent);
  if (unfocused) overlayPart.element.querySelector(".buttons button").focus();
  unfocused = false;
}

function setOverlay(alarm) {
  overlayKey = alarm?.key ?? "";
  overlayPart = alarm ? partOf(alarm) : null;
  if (overlayPart && sheet.open) sheet.close(); // nothing may lie over an alarm
  overlay.replaceChildren(...(overlayPart ? [overlayPart.element] : []));
  main.inert = Boolean(alarm);
  unfocused = Boolean(alarm);
}

function hesitate(element) {
  element.inert = true;
  setTimeout(() => {
    element.inert = false;
    if (element.isConnected) element.querySelector(".buttons button").focus();
  }, SWITCHED_MS);
}

// What else rings, each by name: a touch shows it, and answers nothing.
function showOthers(found, ringing) {
  const words = found.map((alarm) => fill(SAY.other_alarm, { who: alarm.who, what: LOOKS[alarm.look] }));
  const keys = found.map((alarm, i) => `${alarm.key} ${words[i]}`).join();
  if (others.dataset.keys !== keys) {
    others.dataset.keys = keys;
    others.replaceChildren(...found.map((alarm, i) => button(words[i], () => choose(alarm, ringing))));
  }
  if (others.parentElement !== overlayPart.element) overlayPart.element.prepend(others);
}

function partOf(alarm) {
  if (alarm.kind === "roll") return rollOverlay(alarm.call);
  if (alarm.kind === "lost") return new LostCard(() => lookAfter(alarm.tiles), pause);
  const [{ device }] = alarm.tiles;
  return new Card(device, (act) => answer(device, alarm.alert.id, act), pause);
}

function rollOverlay(call) {
  const element = el("article", { class: "alert full is-watch rings" }, el("p", { class: "word" }, SAY.roll_title));
  element.append(el("p", { class: "what" }, fill(SAY.roll_text, { by: call.by })));
  element.append(el("div", { class: "buttons" }, button(SAY.roll_here, () => pressRoll(call.number), "main")));
  element.setAttribute("role", "alertdialog");
  element.setAttribute("aria-label", SAY.roll_title);
  return { element, update: () => {} };
}

// ---------------------------------------------------------------- what people say

async function tell(path, body) {
  try {
    await say(path, body);
    return true;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    toast(REFUSALS[error.message] ?? error.message);
    if (error.message === "no_session") unpaired();
    return false;
  }
}

const answer = (device, incident, act) => tell("/answer", { device, incident, act });
const request = async (device, act) => (await tell("/request", { device, act })) && toast(SAY.sent);

async function lookAfter(tiles) {
  const [{ device, signal }] = tiles;
  if (signal.server) {
    for (const one of known.tiles.keys()) lookedAfter.add(one); // there is nobody to tell
    look();
  } else {
    await tell("/contact", { device: known.tiles.size > 1 && signal.cut ? "" : device, act: "coming" });
  }
}

async function rollCall() {
  await post("/roll-call").catch((error) => toast(REFUSALS[error.message] ?? error.message));
}

function rollList() {
  const list = el("ul", { class: "plain rolled" });
  for (const person of known.people) {
    const after = known.call?.pressed[person.name];
    const words = after !== undefined ? SAY.roll_pressed : person.can_ring ? SAY.roll_waiting : SAY.roll_cannot;
    list.append(el("li", {}, fill(words, { name: person.name, time: time(after ?? 0) })));
  }
  return list;
}

async function pressRoll(number) {
  pressed = number;
  await post("/pressed").catch((error) => toast(REFUSALS[error.message] ?? error.message));
  look();
  openSheet(SAY.roll_title, rollList(), () => sheet.querySelector(".rolled").replaceWith(rollList()));
}

async function session(device) {
  const { openSession } = await import("./session.js");
  await openSession(device, { tell, toast, openSheet });
}

let sheetUpdate = null;
function openSheet(words, content, update = null) {
  sheetUpdate = update;
  sheet.replaceChildren(el("h2", { id: "sheet-title" }, words), content, button(SAY.close, () => sheet.close()));
  if (!sheet.open) sheet.showModal();
}

function toast(words) {
  document.querySelector(".toast")?.remove();
  const shown = el("p", { class: "toast" }, words);
  shown.setAttribute("role", "alert");
  (sheet.open ? sheet : document.body).append(shown); // an open sheet lies over all else
  setTimeout(() => shown.remove(), 4000);
}

// ---------------------------------------------------------------- this phone

async function start() {
  canRing = await sound.start();
  await pulse();
  look();
}

async function pulse() {
  if (!stream) return;
  canRing = sound.look() && !document.hidden && stream.silent_s() < SILENT_S;
  const has = {};
  for (const { tile } of known.tiles.values()) for (const alert of tile.alerts) has[alert.id] = alert.sequence;
  const why = whyNot();
  await post("/pulse", { page: PAGE, can_ring: canRing, why: canRing ? "" : why, has }, document.hidden).catch(() => {});
}

const whyNot = () => (document.hidden ? "hidden" : sound.why() || (stream.silent_s() < SILENT_S ? "" : "server"));

function seen() {
  const numbers = Object.fromEntries([...known.tiles].map(([device, { tile }]) => [device, tile.lines]));
  return { since: now_s() - (stream?.silent_s() ?? 0), numbers };
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    away ??= seen();
  } else {
    sound.keepOn();
    if (away && stream && stream.silent_s() < SILENT_S) comeBack();
  }
  pulse();
  look();
});

// What happened while nobody could see it here.
async function comeBack() {
  const { logList, linesSince } = await import("./session.js");
  const gone = away;
  away = null;
  if (!gone || now_s() - gone.since < SILENT_S) return;
  const found = await linesSince(gone.numbers, known.tiles);
  const words = fill(SAY.missed, { time: time(now_s() - gone.since) });
  unseen = () => {
    unseen = null;
    openSheet(words, found.length ? logList(found) : el("p", {}, SAY.missed_nothing));
  };
  look();
}

function setNight(on) {
  document.documentElement.toggleAttribute("data-night", on);
  document.querySelector("meta[name=theme-color]").content = on ? "#000000" : "#10151b";
  text(night, on ? SAY.day : SAY.night);
  localStorage.setItem("night", on ? "1" : "0");
}

async function settings() {
  const { openMenu } = await import("./menu.js");
  await openMenu(known, { sheet, openSheet, toast, unpaired });
}

const wished = localStorage.getItem("night");
setNight(wished === null ? matchMedia("(prefers-color-scheme: dark)").matches : wished === "1");
setInterval(pulse, 1000);
setInterval(() => {
  if (stream && stream.silent_s() > SILENT_S) away ??= seen();
  look();
  if (sheet.open) sheetUpdate?.();
}, LOOK_MS);
window.addEventListener("hashchange", look);
window.addEventListener("online", look);
window.addEventListener("offline", look);
begin();

// For tests, and for whoever opens the console: what this page knows of itself.
window.rearguard = { sound, known, get canRing() { return canRing; } };
