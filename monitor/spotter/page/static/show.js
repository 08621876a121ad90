// What is drawn: each part is built once and brought up to date, so that nothing under a finger moves.

import { favicon, shape, strip } from "./draw.js";
import { CERTAINTY, DIRECTIONS, KINDS, LOOKS, MEANINGS, SAY, WHY_NOT, evidence, fill, time } from "./words.js";

const HOLD_MS = 1200;
const COLOURS = { safe: "#0b6b3a", watch: "#ffc21a", alone: "#ffc21a", stumble: "#ff9b2f", off: "#44505c", not_armed: "#44505c" };

export function el(tag, properties = {}, ...children) {
  const { class: classes, ...others } = properties;
  const element = Object.assign(document.createElement(tag), others);
  if (classes) element.className = classes;
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export function button(words, act, classes = "", hold = false) {
  const made = el("button", { type: "button", class: `${classes}${hold ? " hold" : ""}` }, words);
  if (!hold) {
    made.addEventListener("click", act);
    return made;
  }
  // To be held, with finger, mouse or key: what ends an alarm must not happen by a touch.
  let timer = 0;
  const begin = () => {
    if (timer) return;
    made.classList.add("held");
    timer = setTimeout(() => {
      end();
      act();
    }, HOLD_MS);
  };
  const end = () => {
    clearTimeout(timer);
    timer = 0;
    made.classList.remove("held");
  };
  made.addEventListener("pointerdown", begin);
  for (const name of ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"]) made.addEventListener(name, end);
  made.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      begin();
    }
  });
  made.addEventListener("contextmenu", (event) => event.preventDefault());
  return made;
}

// The big word, with its shape.
class Look {
  constructor(words = true) {
    this.word = el("p", { class: "word" });
    this.means = el("p", { class: "means" });
    this.since = el("p", { class: "since" });
    this.element = el("section", { class: "look" }, this.word, this.means, this.since);
    this.element.setAttribute("role", "status");
    this.look = "";
    if (!words) this.means.remove();
  }

  update(tile) {
    if (tile.look !== this.look) {
      this.element.querySelector(".shape")?.remove();
      this.element.prepend(shape(tile.look));
      this.look = tile.look;
    }
    this.element.className = `look is-${tile.look}${tile.signal.rings ? " rings" : ""}`;
    text(this.word, LOOKS[tile.look]);
    text(this.means, meaning(tile));
    text(this.since, since(tile));
  }
}

export function meaning(tile) {
  if (tile.look === "no_signal") return tile.signal.why || MEANINGS.no_signal;
  if (tile.look === "not_armed" && tile.waits_for.length) return `${MEANINGS.not_armed}: ${tile.waits_for[0]}`;
  if (tile.look === "safe" && tile.alone) return MEANINGS.alone;
  const [alert] = tile.alerts;
  if (["fault", "no_sensor"].includes(tile.look) && alert) return alert.reason || MEANINGS[tile.look];
  if (tile.look === "watch" && alert) {
    const kind = alert.kind === "tiring" ? KINDS.tiring : ""; // its figures alone do not say it
    return [kind, sentence(alert)].filter(Boolean).join(": ") || MEANINGS.watch;
  }
  return MEANINGS[tile.look];
}

function since(tile) {
  if (tile.look === "no_signal") {
    const known = fill(SAY.last_known, { what: tile.armed ? SAY.last_armed : MEANINGS.not_armed });
    return `${fill(SAY.for_time, { time: time(tile.lost_s) })} · ${known}`;
  }
  const words = tile.look_s < 2 ? SAY.just_now : fill(SAY.for_time, { time: time(tile.look_s) });
  if (!["not_armed", "safe"].includes(tile.look) || tile.gait.step_age_s === null) return words;
  const stepped = time(tile.gait.step_age_s);
  return `${words} · ${fill(tile.gait.step_age_s < 3 ? SAY.moving : SAY.standing, { time: stepped })}`;
}

const ARROWS = { backward: "↓ ", forward: "↑ ", unknown: "? " };
const way = (gait) => `${ARROWS[gait.direction]}${DIRECTIONS[gait.direction]}`;

// Whether somebody walks, and how.
export function doing({ known, walking, gait }) {
  if (!known) return "";
  if (walking) return `${SAY.walking} ${way(gait)}`;
  return gait.step_age_s === null ? SAY.no_steps : fill(SAY.standing, { time: time(gait.step_age_s) });
}

// What was seen, in plain words.
export function sentence(alert) {
  const certainty = alert.kind === "fall" ? CERTAINTY[alert.certainty] : "";
  const seen = evidence(alert.evidence) || alert.reason;
  return [certainty, seen].filter(Boolean).join(": ");
}

export function when(alert) {
  if (!alert.age_known) return SAY.age_unknown;
  return fill(alert.age_s > 60 && alert.stage === "active" ? SAY.late_news : SAY.ago, { time: time(alert.age_s) });
}

export function reaction(alert, you) {
  if (alert.stage !== "acknowledged") return SAY.no_answer;
  return alert.who === you ? SAY.you_are_coming : fill(SAY.is_coming, { who: alert.who || "?" });
}

// One incident and its answers. Full screen while it rings and is high.
export class Card {
  constructor(device, answer, pause) {
    this.look = "";
    this.word = el("p", { class: "word" });
    this.name = el("p", { class: "name" });
    this.what = el("p", { class: "what" });
    this.when = el("p", { class: "when" });
    this.who = el("p", { class: "who" });
    this.coming = button(SAY.coming, () => answer("coming"), "main");
    this.falsely = null;
    this.buttons = el("div", { class: "buttons row" });
    this.pause = button(SAY.pause, pause, "pause");
    this.element = el("article", { class: "alert" }, this.word, this.name, this.what, this.when, this.who, this.buttons);
    this.device = device;
    this.answer = answer;
    this.held = null;
  }

  update(tile, alert, you, full, paused_s) {
    const held = alert.priority === 3;
    if (this.held !== held) {
      this.falsely = button(held ? fill(SAY.hold, { what: SAY.false_alarm }) : SAY.false_alarm, () => this.answer("false_alarm"), "plain", held);
      this.clear = button(held ? fill(SAY.hold, { what: SAY.clear }) : SAY.clear, () => this.answer("clear"), "plain", held);
      this.buttons.replaceChildren(this.coming, this.falsely, this.clear, this.pause);
      this.held = held;
    }
    if (this.look !== alert.look) {
      this.element.querySelector(".shape")?.remove();
      if (full) this.element.prepend(shape(alert.look));
      this.look = alert.look;
    }
    this.pause.className = full ? "pause" : "plain";
    this.element.className = `alert ${full ? `full is-${alert.look}` : ""} ${alert.rings ? "rings" : ""}`;
    this.element.setAttribute("role", full ? "alertdialog" : "group");
    this.element.setAttribute("aria-label", `${LOOKS[alert.look]}, ${tile.device}`);
    text(this.word, full ? LOOKS[alert.look] : "");
    text(this.name, full ? tile.device : KINDS[alert.kind]);
    text(this.what, sentence(alert));
    text(this.when, when(alert));
    text(this.who, reaction(alert, you));
    const mine = alert.stage === "acknowledged" && alert.who === you;
    text(this.coming, alert.stage === "acknowledged" ? SAY.coming_too : SAY.coming);
    this.coming.hidden = mine;
    const ends = ["fall", "sos", "stumble", "unsafe_step", "tiring", "test"].includes(alert.kind);
    this.falsely.hidden = this.clear.hidden = !ends;
    this.pause.hidden = !alert.rings;
    text(this.pause, paused_s > 0 ? fill(SAY.paused, { time: time(paused_s) }) : SAY.pause);
  }
}

// No contact with a device, or for want of the broker or the server with several at once: as loud as a fall.
export class LostCard {
  constructor(lookAfter, pause) {
    this.word = el("p", { class: "word" }, LOOKS.no_signal);
    this.name = el("p", { class: "name" });
    this.what = el("p", { class: "what" });
    this.when = el("p", { class: "when" });
    this.pause = button(SAY.pause, pause, "pause");
    const buttons = el("div", { class: "buttons" }, button(SAY.look_after, lookAfter, "main"), this.pause);
    this.element = el("article", { class: "alert full rings is-no_signal" }, shape("no_signal"), this.word, this.name, this.what, this.when, buttons);
    this.element.setAttribute("role", "alertdialog");
  }

  update(tiles, what, paused_s) {
    const who = tiles.map((tile) => tile.device).join(", ");
    this.element.setAttribute("aria-label", `${LOOKS.no_signal}, ${who}`);
    this.name.classList.toggle("many", tiles.length > 1);
    text(this.name, who);
    text(this.what, what);
    const lost_s = Math.max(...tiles.map((tile) => tile.lost_s));
    text(this.when, `${fill(SAY.for_time, { time: time(lost_s) })} · ${fill(SAY.last_known, { what: SAY.last_armed })}`);
    text(this.pause, paused_s > 0 ? fill(SAY.paused, { time: time(paused_s) }) : SAY.pause);
  }
}

// One walker, whole.
export class Walker {
  constructor(device, acts) {
    this.device = device;
    this.acts = acts;
    this.look = new Look();
    this.cards = new Map();
    this.alerts = el("div", { class: "side" });
    this.canvas = el("canvas");
    this.canvas.setAttribute("role", "img");
    this.notice = el("p", { class: "quiet" });
    const names = el("p", { class: "names" }, el("span", { class: "sway" }, SAY.sway), el("span", { class: "rhythm" }, SAY.rhythm), this.notice);
    const card = el("section", { class: "card strip" }, el("h2", {}, SAY.strip), this.canvas, names);
    this.facts = {};
    const list = el("dl", { class: "facts" });
    for (const name of ["direction", "cadence", "backward", "minutes", "signal", "supply", "listening"]) {
      this.facts[name] = el("dd", { class: ["listening", "signal", "supply"].includes(name) ? "small" : "" });
      list.append(el("div", {}, el("dt", {}, SAY[name]), this.facts[name]));
    }
    this.faults = el("ul", { class: "plain" });
    this.armed = null;
    this.arm = el("div", { class: "row" });
    this.element = el(
      "div",
      { class: "one" },
      this.look.element,
      el("div", { class: "side" }, this.alerts, card, el("section", { class: "card" }, list, this.faults), this.arm),
    );
  }

  update(tile, points, you, full, paused_s) {
    this.look.update(tile);
    const shown = tile.alerts.filter((alert) => alert.id !== full && (alert.priority > 1 || alert.kind === "test"));
    keyed(this.alerts, this.cards, shown, (alert) => alert.id, (alert) => new Card(this.device, (act) => this.acts.answer(this.device, alert.id, act), this.acts.pause));
    for (const alert of shown) this.cards.get(alert.id).update(tile, alert, you, false, paused_s);
    const { gait } = tile;
    strip(this.canvas, points, performance.now() / 1000, SAY);
    const percent = (value) => (value === null ? "–" : `${Math.round(value)} %`);
    this.canvas.setAttribute("aria-label", fill(SAY.strip_text, { sway: percent(gait.sway_percent), rhythm: percent(gait.rhythm_percent) }));
    text(this.notice, gait.sway_percent === null && gait.rhythm_percent === null ? SAY.strip_off : "");
    const walks = gait.step_age_s !== null && gait.step_age_s < 5;
    text(this.facts.direction, walks ? way(gait) : "–");
    text(this.facts.cadence, walks && gait.cadence_spm !== null ? `${Math.round(gait.cadence_spm)}` : "–");
    text(this.facts.backward, `${gait.steps_backward}`);
    text(this.facts.minutes, (gait.walking_s / 60).toFixed(1));
    text(this.facts.signal, tile.signal.silent_s === null ? SAY.signal_none : fill(SAY.signal_age, { time: `${tile.signal.silent_s.toFixed(1)} s` }));
    text(this.facts.supply, tile.low_supply ? SAY.supply_low : tile.known ? SAY.supply_good : "–");
    text(this.facts.listening, tile.listening.join(", ") || SAY.nobody);
    const faults = [...tile.faults, ...(tile.sound_paused ? [SAY.buzzer_paused] : [])];
    if (this.faults.textContent !== faults.join("")) this.faults.replaceChildren(...faults.map((fault) => el("li", {}, fault)));
    const armed = tile.armed || tile.waits_for.length > 0;
    if (this.armed !== armed) {
      this.armed = armed;
      this.arm.replaceChildren(
        button(armed ? fill(SAY.hold, { what: SAY.disarm }) : SAY.arm, () => this.acts.request(this.device, armed ? "disarm" : "arm"), "plain", armed),
        button(SAY.roll_call, this.acts.rollCall, "plain"),
        button(SAY.test, () => this.acts.request(this.device, "test"), "plain"),
        button(SAY.session, () => this.acts.session(this.device), "plain"),
      );
    }
  }
}

// Keeps children in step with items; elements are kept, and stay where they are unless the order changes.
export function keyed(parent, known, items, key, make) {
  const wanted = new Set(items.map(key));
  for (const [id, part] of known) {
    if (!wanted.has(id)) {
      part.element.remove();
      known.delete(id);
    }
  }
  items.forEach((item, i) => {
    const id = key(item);
    if (!known.has(id)) known.set(id, make(item));
    const { element } = known.get(id);
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
}

// Title and favicon of the tab: the first thing one sees of a page among others.
export function tab(look, who, ringing) {
  const blink = ringing && Math.floor(performance.now() / 700) % 2;
  document.title = look ? `${ringing ? (blink ? "▲▲ " : "▲ ") : ""}${LOOKS[look]} – ${who}` : SAY.title;
  const icon = document.getElementById("favicon");
  const href = look && look !== "safe" ? favicon(ringing ? "#b3001e" : (COLOURS[look] ?? "#b3001e")) : "/icon.svg";
  if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
}

export function phoneBar(footer, { started, can, why, keptOn, people, you, start }) {
  const state = JSON.stringify([started, can, why, keptOn, people]);
  if (footer.dataset.state === state) return;
  footer.dataset.state = state;
  const inner = el("div", { class: "in" });
  if (!started) inner.append(button(SAY.start, start), el("p", { class: "note" }, SAY.start_why));
  else if (can) inner.append(el("p", { class: "can" }, SAY.can_ring));
  else inner.append(el("p", { class: "can cannot" }, `${SAY.cannot_ring}: ${WHY_NOT[why] ?? why}`), button(SAY.start, start));
  if (started && !keptOn) inner.append(el("p", { class: "note" }, SAY.keep_on));
  if (started && /iPhone|iPad/.test(navigator.userAgent)) inner.append(el("p", { class: "note" }, SAY.silent_switch));
  const others = people.filter((person) => person.name !== you);
  if (others.length) inner.append(el("p", { class: "note" }, others.map((person) => `${person.can_ring ? "●" : "▲"} ${person.name}`).join("   ")));
  footer.replaceChildren(inner);
}
