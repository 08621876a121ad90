// All walkers at once, the worst first. Loaded where there are several.

import { shape } from "./draw.js";
import { button, doing, el, keyed, reaction, text } from "./show.js";
import { LOOKS, SAY, fill, time } from "./words.js";

const KEPT_S = 8; // so long a walker who is better keeps his place: what comes and goes must not make tiles jump
const TOUCHED_S = 1.5; // and nothing moves under a finger
const FEW = 8; // tiles that may be large

const now_s = () => performance.now() / 1000;

await new Promise((done) => {
  document.head.append(el("link", { rel: "stylesheet", href: "/board.css", onload: done, onerror: done }));
});

class Tile {
  constructor(device, open) {
    this.word = el("span", { class: "word" });
    this.yours = el("span", { class: "yours" }, SAY.yours);
    this.does = el("span", { class: "does" });
    this.ears = el("span", { class: "ears" });
    const name = el("span", { class: "name" }, el("span", {}, device), this.yours);
    this.button = button("", open);
    this.button.append(this.word, name, this.does, this.ears);
    this.element = el("li", {}, this.button);
    this.place = "";
  }

  update(tile, { place, bad, yours }) {
    if (this.place !== place) {
      this.button.querySelector(".shape")?.remove();
      this.button.prepend(shape(place));
      this.place = place;
    }
    this.element.className = bad ? "bad" : "";
    this.button.className = `tile is-${place}${tile.signal.rings ? " rings" : ""}`;
    this.yours.hidden = !yours;
    text(this.word, LOOKS[place]);
    text(this.does, does(tile));
    text(this.ears, tile.signal.lost || !tile.known ? "" : listeners(tile.listening));
  }
}

const listeners = (names) => (names.length ? fill(SAY.listeners, { names: names.join(", ") }) : SAY.nobody_listens);

// The one thing to know beside the word: who is coming, how long it has been so, or how he walks.
function does(tile) {
  if (tile.look === "no_signal") return fill(SAY.for_time, { time: time(tile.lost_s) });
  const alert = tile.alerts.find((one) => one.priority > 1);
  return alert ? reaction(alert, "") : doing(tile);
}

// "30 walkers: 12 walking, 2 alone, 1 down"
export function counted(tiles, order) {
  const looks = order.filter((place) => !["alone", "safe"].includes(place));
  const counts = [
    [SAY.walking, tiles.filter((tile) => tile.walking).length],
    [LOOKS.alone, tiles.filter((tile) => tile.alone).length],
    ...looks.map((look) => [LOOKS[look], tiles.filter((tile) => tile.look === look).length]),
  ];
  const said = counts.filter(([, count]) => count).map(([word, count]) => `${count} ${word.toLowerCase()}`);
  return [fill(SAY.walkers, { count: tiles.length }), said.join(", ")].filter(Boolean).join(": ");
}

export class Board {
  constructor(open) {
    this.open = open;
    this.count = el("p", { class: "count" });
    this.count.setAttribute("role", "status");
    this.outage = el("p", { class: "outage is-no_signal" });
    this.outage.setAttribute("role", "alert");
    this.list = el("ul", { class: "board" });
    this.element = el("div", { class: "all" }, this.count, this.outage, this.list);
    this.tiles = new Map();
    this.held = new Map(); // device -> {rank, at}: the worst of late
    this.before = [];
    this.touched_s = -Infinity;
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      this.list.addEventListener(name, () => (this.touched_s = now_s()));
    }
  }

  // known: rank(tile) in order, and mine(tile); tiles sorted by both. outage: what is lost, "" for nothing.
  update(tiles, { order, rank, mine, outage }) {
    text(this.count, counted(tiles, order));
    text(this.outage, outage);
    this.outage.hidden = !outage;
    this.list.classList.toggle("few", tiles.length <= FEW);
    const some = tiles.some((tile) => !mine(tile));
    const focused = document.activeElement;
    const arranged = this.arrange(tiles, rank);
    keyed(this.list, this.tiles, arranged, (tile) => tile.device, (tile) => new Tile(tile.device, () => this.open(tile.device)));
    if (focused !== document.activeElement && this.list.contains(focused)) focused.focus({ preventScroll: true });
    const alone = order.indexOf("alone");
    for (const tile of tiles) {
      this.tiles.get(tile.device).update(tile, { place: order[rank(tile)], bad: rank(tile) <= alone, yours: some && mine(tile) });
    }
  }

  arrange(tiles, rank) {
    const at = now_s();
    const held = (tile) => this.held.get(tile.device)?.rank ?? Infinity;
    for (const tile of tiles) {
      if (rank(tile) <= held(tile) || at - this.held.get(tile.device).at > KEPT_S) this.held.set(tile.device, { rank: rank(tile), at });
    }
    const sorted = [...tiles].sort((a, b) => held(a) - held(b)); // it is stable: else as they come
    if (at - this.touched_s < TOUCHED_S && this.before.length === tiles.length) {
      const still = new Map(this.before.map((device, i) => [device, i]));
      return sorted.sort((a, b) => still.get(a.device) - still.get(b.device));
    }
    this.before = sorted.map((tile) => tile.device);
    return sorted;
  }
}
