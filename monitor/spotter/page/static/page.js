// The spotter's page: what the server says, put on the screen; and the alarm, which rings until it is answered.

import { RefusedError, PAGE, get, live, post, say } from "./server.js";
import { BoardTile, Card, LostCard, Walker, button, el, keyed, phoneBar, tab, text } from "./show.js";
import { Sound } from "./sound.js";
import { KINDS, REFUSALS, SAY, fill, time } from "./words.js";

const SILENT_S = 3; // of the server: amber
const LOST_S = 5; // and it rings
const PAUSE_S = 60;
const LOOK_MS = 250;
const STRIP_S = 90;
const ORDER = ["help", "down", "falling", "no_signal", "no_sensor", "stumble", "test", "fault", "watch", "not_armed", "off", "safe"];

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

function askCode(trouble = "") {
  if (main.querySelector(".enter")) return text(main.querySelector(".error"), trouble);
  const error = el("p", { class: "error" }, trouble);
  error.setAttribute("role", "alert");
  const input = el("input", { id: "code", autocomplete: "one-time-code", autocapitalize: "none", spellcheck: false, maxLength: 32, required: true });
  const form = el("form", { class: "enter" }, el("h1", {}, SAY.enter_title), el("p", {}, SAY.enter_text));
  const label = el("label", { htmlFor: "code" }, SAY.enter_code);
  form.append(label, input, el("button", {}, SAY.enter), error);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post("/enter", { word: input.value.replace(/\s/g, "") });
      await begin();
    } catch (problem) {
      text(error, REFUSALS[problem.message] ?? problem.message);
      input.select();
    }
  });
  main.replaceChildren(form);
  overlay.replaceChildren();
  footer.replaceChildren();
  sound.ring("");
  input.focus();
}

// ---------------------------------------------------------------- what the server says

function hearAll({ tiles, strips, you }) {
  known.you = you;
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
  look();
}

function hearPeople({ people, roll_call: call }) {
  known.people = people;
  known.call = call;
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
    return { ...aged, look: "no_signal", lost_s: passed_s, alerts, signal: { ...aged.signal, lost: true, rings, why, server: true } };
  });
  return tiles.sort((a, b) => ORDER.indexOf(a.look) - ORDER.indexOf(b.look) || a.device.localeCompare(b.device));
}

// ---------------------------------------------------------------- the screen

const walkers = new Map();
const board = { element: el("ul", { class: "board" }), tiles: new Map() };
const bar = el("header", { class: "bar" });
const title = el("h1");
const back = button(SAY.all_walkers, () => (location.hash = ""), "plain");
const night = button(SAY.night, () => setNight(!document.documentElement.hasAttribute("data-night")), "plain");
const more = button("···", settings, "plain");
more.setAttribute("aria-label", SAY.menu);
bar.append(back, title, night, more);
const silent = button(SAY.silent, start, "pause"); // on an alarm that cannot be heard
let overlayKey = "";
let overlayPart = null;

function look() {
  if (!stream) return;
  const tiles = current();
  const ringing = alarms(tiles);
  const paused_s = pauseLeft(ringing);
  const high = ringing.find((alarm) => alarm.full);
  showOverlay(high, paused_s);
  ring(ringing, paused_s);
  const [worst] = tiles;
  tab(worst, ringing.length > 0);
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
  } else if (tiles.length) {
    place(board.element);
    keyed(board.element, board.tiles, tiles, (tile) => tile.device, (tile) => new BoardTile(tile.device, () => (location.hash = tile.device)));
    for (const tile of tiles) board.tiles.get(tile.device).update(tile);
  } else {
    place(waiting);
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
  for (const tile of tiles) {
    if (tile.signal.rings) found.push({ key: `signal-${tile.device}`, kind: "lost", full: true, tile, rank: 1 });
    for (const alert of tile.alerts) {
      if (!alert.rings) continue;
      const full = alert.priority === 3 || alert.kind === "test";
      found.push({ key: `${tile.device}-${alert.id}`, kind: full ? "high" : "medium", full, tile, alert, rank: full ? 0 : 3 });
    }
  }
  return found.sort((a, b) => a.rank - b.rank);
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

function showOverlay(alarm, paused_s) {
  const fresh = (alarm?.key ?? "") !== overlayKey;
  if (fresh) {
    overlayKey = alarm?.key ?? "";
    overlayPart = alarm ? partOf(alarm) : null;
    if (overlayPart && sheet.open) sheet.close(); // nothing may lie over an alarm
    overlay.replaceChildren(...(overlayPart ? [overlayPart.element] : []));
    main.inert = Boolean(alarm);
  }
  if (!alarm) {
    if (unseen && !sheet.open) unseen();
    return;
  }
  if (alarm.kind === "roll") overlayPart.update(alarm.call);
  else if (alarm.kind === "lost") overlayPart.update(alarm.tile, paused_s);
  else overlayPart.update(alarm.tile, alarm.alert, known.you, true, paused_s);
  if (fresh) overlayPart.element.querySelector("button").focus();
  silent.hidden = canRing;
  if (!silent.isConnected) overlayPart.element.append(silent);
}

function partOf(alarm) {
  if (alarm.kind === "roll") return rollOverlay(alarm.call);
  if (alarm.kind === "lost") return new LostCard(() => lookAfter(alarm.tile), pause);
  return new Card(alarm.tile.device, (act) => answer(alarm.tile.device, alarm.alert.id, act), pause);
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

async function lookAfter(tile) {
  if (tile.signal.server) {
    lookedAfter.add(tile.device); // there is nobody to tell
    look();
  } else {
    await tell("/contact", { device: tile.device, act: "coming" });
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
  const { courseOf, logList, missedRow } = await import("./session.js");
  const found = await get(`/log?device=${encodeURIComponent(device)}`).catch(() => null);
  if (found === null) return toast(REFUSALS.network);
  const { lines, course } = found;
  const label = async (incident, value) => {
    try {
      await post("/label", { device, incident, label: value });
      return true;
    } catch (error) {
      toast(REFUSALS[error.message] ?? error.message);
      return false;
    }
  };
  const missed = async (about) =>
    (await tell("/missed", { device, about })) && toast(fill(SAY.missed_noted, { what: KINDS[about] }));
  const list = logList(lines, label, (incident) => picture(device, incident));
  openSheet(SAY.session_title, el("div", {}, ...(course.length ? [courseOf(course, lines)] : []), missedRow(missed), list));
}

const picture = (device, incident) =>
  get(`/clip?device=${encodeURIComponent(device)}&incident=${encodeURIComponent(incident)}`).catch(() => {
    toast(REFUSALS.unknown);
    return null;
  });

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
  const { logList } = await import("./session.js");
  const gone = away;
  away = null;
  if (!gone || now_s() - gone.since < SILENT_S) return;
  const found = [];
  for (const device of known.tiles.keys()) {
    const number = gone.numbers[device] ?? 0;
    // A server that began anew counts anew.
    const since = number <= (known.tiles.get(device)?.tile.lines ?? 0) ? number : 0;
    const log = await get(`/log?device=${encodeURIComponent(device)}&since=${since}`).catch(() => null);
    found.push(...(log?.lines ?? []));
  }
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
  const list = el("div", { class: "side" });
  // None where the certificate is not trusted: the rest of the menu is there all the same.
  const registration = await navigator.serviceWorker?.getRegistration();
  if (known.pushKey && registration && window.PushManager) {
    const subscription = await registration.pushManager.getSubscription();
    list.append(button(subscription ? SAY.push_on : SAY.push_off, () => togglePush(registration, subscription), "plain"));
  }
  list.append(button(SAY.leave, leave, "plain"));
  openSheet(known.you, list);
}

async function togglePush(registration, subscription) {
  try {
    if (subscription) {
      await post("/push", null);
      await subscription.unsubscribe();
    } else {
      const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: known.pushKey });
      await post("/push", made.toJSON());
    }
    sheet.close();
    toast(subscription ? SAY.push_off : SAY.push_on);
  } catch (error) {
    toast(error instanceof RefusedError ? (REFUSALS[error.message] ?? error.message) : SAY.push_failed);
  }
}

async function leave() {
  await post("/leave").catch(() => {});
  sheet.close();
  unpaired();
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
