// Pictures: the look's shape, and the strip of sway and rhythm.

const NS = "http://www.w3.org/2000/svg";

// One shape for each look, told apart without colour. 24 units square.
const SHAPES = {
  safe: "M4 12.5l5 5L20 6.5",
  watch: "M2 12s4-6.5 10-6.5S22 12 22 12s-4 6.5-10 6.5S2 12 2 12zm10-3a3 3 0 100 6 3 3 0 000-6z",
  stumble: "M3 17l5-9 4 7 4-9 5 11",
  falling: "M6 4l12 15m0 0v-8m0 8h-8",
  down: "M3 19h18M5 15h9m3.5 0a1.8 1.8 0 103.6 0 1.8 1.8 0 00-3.6 0M12 3v7m0 0l-3-3m3 3l3-3",
  help: "M12 3v11m0 4v2.5",
  no_signal: "M3 3l18 18M5 10a11 11 0 014-2m6 .3a11 11 0 014 2M8.5 14a6 6 0 017 0M12 18.5v.2",
  no_sensor: "M3 3l18 18M2 12s4-6.5 10-6.5c2 0 3.8.7 5.3 1.7M22 12s-4 6.5-10 6.5c-1.5 0-2.9-.4-4.1-1",
  fault: "M12 3L22 20H2zm0 6v5m0 3v.3",
  not_armed: "M8 5v14M16 5v14",
  off: "M12 3v8M6.5 6.5a8 8 0 1011 0",
  alone: "M12 4a3.5 3.5 0 100 7 3.5 3.5 0 000-7zM5 20.5c0-4 3-6 7-6s7 2 7 6",
  test: "M4 9v6h4l5 4V5L8 9zm12 0a4 4 0 010 6m2.5-8.5a8 8 0 010 11",
};

export function shape(look, label = "") {
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "shape");
  svg.setAttribute("aria-hidden", label ? "false" : "true");
  const path = document.createElementNS(NS, "path");
  path.setAttribute("d", SHAPES[look]);
  svg.append(path);
  return svg;
}

export const favicon = (colour) =>
  `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="${NS}" viewBox="0 0 24 24"><circle cx="12" cy="12" r="12" fill="${colour}"/><path d="M12 5v9m0 3v2" stroke="#fff" stroke-width="3"/></svg>`,
  )}`;

export function canvas(element) {
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = element.getBoundingClientRect();
  if (element.width !== Math.round(width * ratio)) element.width = Math.round(width * ratio);
  if (element.height !== Math.round(height * ratio)) element.height = Math.round(height * ratio);
  const pen = element.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { pen, width, height, colour };
}

export const STRIP_S = 60;
const TOP_PERCENT = 140;

// points: {at_s, sway, rhythm, direction} with at_s on our clock, in seconds.
export function strip(element, points, now_s, words) {
  const { pen, width, height, colour } = canvas(element);
  if (!width) return;
  const bottom = height - 14;
  const x = (at_s) => width * (1 - (now_s - at_s) / STRIP_S);
  const y = (percent) => bottom - (bottom - 4) * Math.min(percent, TOP_PERCENT) / TOP_PERCENT;
  pen.fillStyle = colour("--over");
  pen.fillRect(0, 0, width, y(100));
  pen.strokeStyle = colour("--bad");
  pen.setLineDash([6, 4]);
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(0, y(100));
  pen.lineTo(width, y(100));
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = colour("--bad-text");
  pen.font = "600 12px system-ui, sans-serif";
  pen.textBaseline = "bottom";
  pen.fillText(words.limit, 4, y(100) - 2);
  for (const [name, stroke, dash] of [["rhythm", "--rhythm", [5, 3]], ["sway", "--sway", []]]) {
    pen.strokeStyle = colour(stroke);
    pen.fillStyle = colour(stroke);
    pen.setLineDash(dash);
    pen.lineWidth = 2.5;
    pen.lineJoin = "round";
    let before = null;
    pen.beginPath();
    for (const point of points) {
      const value = point[name];
      if (value === null || value === undefined) {
        before = null;
        continue;
      }
      if (before !== null && point.at_s - before < 3) pen.lineTo(x(point.at_s), y(value));
      else pen.moveTo(x(point.at_s), y(value));
      before = point.at_s;
    }
    pen.stroke();
    pen.setLineDash([]);
    const last = points.findLast((point) => point[name] !== null && point[name] !== undefined);
    if (last && now_s - last.at_s < 3) {
      pen.beginPath();
      pen.arc(Math.min(x(last.at_s), width - 4), y(last[name]), 4, 0, 7);
      pen.fill();
    }
  }
  // Which way, along the foot of the strip.
  for (const point of points) {
    if (point.sway === null && point.rhythm === null) continue;
    pen.fillStyle = colour(point.direction === "backward" ? "--sway" : point.direction === "forward" ? "--faint" : "--none");
    pen.fillRect(x(point.at_s) - width / STRIP_S, height - 8, Math.max(1, width / STRIP_S - 1), point.direction === "unknown" ? 2 : 6);
  }
}
