// What was: the session's log, its course, the signal around each alert. Loaded when somebody asks for it.

import { canvas } from "./draw.js";
import { get, post } from "./server.js";
import { button, el, text } from "./show.js";
import { KINDS, REFUSALS, fill } from "./words.js";

const WORDS = {
  session_title: "The session so far",
  course: "Each bar is ten seconds of steps: {all} in all, {backward} of them backward (blue)",
  log_none: "Nothing yet.",
  true_alarm: "True",
  false_label: "False",
  was_it: "Was it true?",
  labelled_true: "labelled: true",
  labelled_false: "labelled: false",
  missed_alert: "It missed something just now:",
  missed_noted: "Noted as missed just now: {what}",
  picture: "Picture",
  clip_text: "Acceleration (upper) and rotation (lower) around the alert",
};

// course: [wall_s, steps, of them backward] for each slice; lines of the log are ticks above.
function course(element, slices, lines) {
  const { pen, width, height, colour } = canvas(element);
  if (!slices.length || !width) return;
  const first = slices[0][0];
  const slice = slices.length > 1 ? slices[1][0] - first : 10;
  const span = Math.max(slices.at(-1)[0] + slice - first, 12 * slice);
  const most = Math.max(20, ...slices.map(([, steps]) => steps));
  const x = (wall_s) => (width * (wall_s - first)) / span;
  const foot = height - 4;
  const high = height - 34;
  for (const [wall_s, steps, backward] of slices) {
    const wide = Math.max(1, x(first + slice) - 1);
    const up = (high * steps) / most;
    const back = (high * backward) / most;
    pen.fillStyle = colour("--other");
    pen.fillRect(x(wall_s), foot - up, wide, up - back);
    pen.fillStyle = colour("--backward");
    pen.fillRect(x(wall_s), foot - back, wide, back);
  }
  for (const { wall_s, tone } of lines) {
    if (wall_s < first) continue;
    const loud = tone === "ring" || tone === "warn";
    pen.fillStyle = colour(loud ? "--bad" : "--quiet");
    pen.fillRect(x(wall_s) - 1, loud ? 2 : 14, loud ? 3 : 2, loud ? 24 : 12);
  }
}

// The signal around an alert: acceleration above, rotation below, the alert's moment as a line.
function clip(element, found) {
  const { pen, width, height, colour } = canvas(element);
  const count = found.accel_g.length;
  const half = height / 2;
  const at = width * (found.before_s / (count * found.bin_s));
  pen.strokeStyle = colour("--bad");
  pen.setLineDash([4, 3]);
  pen.beginPath();
  pen.moveTo(at, 0);
  pen.lineTo(at, height);
  pen.stroke();
  pen.setLineDash([]);
  pen.font = "11px system-ui, sans-serif";
  for (const [values, stroke, top, least, unit] of [
    [found.accel_g, "--sway", 2, 3, "g"],
    [found.rate_dps, "--rhythm", half + 2, 200, "deg/s"],
  ]) {
    const most = Math.max(least, ...values.map((value) => value ?? 0));
    const high = half - 6;
    pen.strokeStyle = colour(stroke);
    pen.lineWidth = 1.5;
    pen.beginPath();
    let open = false;
    values.forEach((value, i) => {
      if (value === null) {
        open = false;
        return;
      }
      const x = (width * i) / count;
      const y = top + high * (1 - value / most);
      if (open) pen.lineTo(x, y);
      else pen.moveTo(x, y);
      open = true;
    });
    pen.stroke();
    pen.fillStyle = colour("--text");
    pen.textBaseline = "top";
    pen.fillText(`${most.toFixed(most < 20 ? 1 : 0)} ${unit}`, 4, top);
  }
}

const clock = (wall_s) => new Date(wall_s * 1000).toTimeString().slice(0, 8);

// The session at a glance: steps over time, and when something was.
function courseOf(slices, lines) {
  const drawn = el("canvas", { class: "course" });
  drawn.setAttribute("role", "img");
  const backward = slices.reduce((sum, [, , count]) => sum + count, 0);
  const all = slices.reduce((sum, [, count]) => sum + count, 0);
  const words = fill(WORDS.course, { all, backward });
  drawn.setAttribute("aria-label", words);
  requestAnimationFrame(() => course(drawn, slices, lines));
  return el("div", {}, drawn, el("p", { class: "quiet" }, words));
}

// What the device did not report, for whoever saw it. missed(kind) says so to the device.
function missedRow(missed) {
  const row = el("div", { class: "row missed" }, el("span", {}, WORDS.missed_alert));
  for (const kind of ["fall", "stumble", "unsafe_step"]) row.append(button(KINDS[kind], () => missed(kind), "plain"));
  return row;
}

export function logList(lines, label, picture) {
  if (!lines.length) return el("p", {}, WORDS.log_none);
  const list = el("ul", { class: "log" });
  const seen = new Set();
  for (const line of [...lines].reverse()) {
    const item = el("li", { class: line.tone }, el("span", {}, `${clock(line.wall_s)}  ${line.text}`));
    const judged = ["fall", "sos", "stumble", "unsafe_step"].includes(line.kind);
    if (judged && label && !seen.has(line.incident)) {
      seen.add(line.incident);
      const said = el("span", { class: "quiet" }, { true: WORDS.labelled_true, false: WORDS.labelled_false }[line.label] ?? "");
      const row = el("div", { class: "row" }, el("span", {}, WORDS.was_it));
      for (const [value, words] of [["true", WORDS.true_alarm], ["false", WORDS.false_label]]) {
        row.append(button(words, async () => (await label(line.incident, value)) && text(said, value === "true" ? WORDS.labelled_true : WORDS.labelled_false), "plain"));
      }
      row.append(
        button(WORDS.picture, async () => {
          const found = await picture(line.incident);
          if (!found) return;
          const drawn = el("canvas");
          drawn.setAttribute("role", "img");
          drawn.setAttribute("aria-label", WORDS.clip_text);
          item.append(drawn);
          clip(drawn, found);
        }, "plain"),
        said,
      );
      item.append(row);
    }
    list.append(item);
  }
  return list;
}

export async function openSession(device, { tell, toast, openSheet }) {
  const found = await get(`/log?device=${encodeURIComponent(device)}`).catch(() => null);
  if (found === null) return toast(REFUSALS.network);
  const { lines, course: slices } = found;
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
    (await tell("/missed", { device, about })) && toast(fill(WORDS.missed_noted, { what: KINDS[about] }));
  const picture = (incident) =>
    get(`/clip?device=${encodeURIComponent(device)}&incident=${encodeURIComponent(incident)}`).catch(() => {
      toast(REFUSALS.unknown);
      return null;
    });
  const list = logList(lines, label, picture);
  openSheet(WORDS.session_title, el("div", {}, ...(slices.length ? [courseOf(slices, lines)] : []), missedRow(missed), list));
}

// What was said of all walkers after these numbers of their logs.
export async function linesSince(numbers, tiles) {
  const found = [];
  for (const [device, { tile }] of tiles) {
    const number = numbers[device] ?? 0;
    // A server that began anew counts anew.
    const since = number <= tile.lines ? number : 0;
    if (since === tile.lines) continue;
    const log = await get(`/log?device=${encodeURIComponent(device)}&since=${since}`).catch(() => null);
    found.push(...(log?.lines ?? []).map((line) => (tiles.size > 1 ? { ...line, text: `${device}: ${line.text}` } : line)));
  }
  return found.sort((a, b) => a.wall_s - b.wall_s);
}
