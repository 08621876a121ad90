// Every English text of the page. {name} is filled in. A translation is another file like this one.

export const LOOKS = {
  safe: "Safe",
  watch: "Watch",
  stumble: "Stumble",
  falling: "Falling",
  down: "Down",
  help: "Help!",
  no_signal: "No signal",
  no_sensor: "No sensor",
  fault: "Fault",
  not_armed: "Not armed",
  off: "Switched off",
  test: "Test",
  alone: "Alone",
};

// Below the one word: what it means, for somebody who sees it for the first time.
export const MEANINGS = {
  safe: "Watched, nothing unusual",
  watch: "A step was unsafe: look now",
  stumble: "Lost balance for a moment",
  falling: "It looks like a fall",
  down: "Has fallen and lies on the ground",
  help: "Calls for help with the button",
  no_signal: "Nobody knows how the walker is",
  no_sensor: "The sensor does not report: NOT watched",
  fault: "Part of Rearguard does not work",
  not_armed: "Not watched",
  off: "Switched off on purpose: not watched",
  test: "A test of the alarm",
  alone: "Watched, but NOBODY LISTENS",
};

export const DIRECTIONS = { backward: "Backward", forward: "Forward", unknown: "Unknown" };

// What was seen, by the evidence's name: {v} the figure, {l} its limit. In the order in which it is said.
export const EVIDENCE = {
  trunk_lean_deg: "trunk leaned {v} degrees",
  tilt_change_deg: "trunk turned over by {v} degrees",
  downward_speed_mps: "sank at {v} metres a second",
  peak_accel_g: "{impact} ({v} g)",
  roll_range_deg: "swayed {v} degrees sideways",
  pitch_range_deg: "swayed {v} degrees forward and back",
  trunk_rate_dps: "trunk jerked at {v} degrees a second",
  hesitation_percent: "hesitated: a step took {v} % longer than usual",
  hurry_percent: "hurried: a step was {v} % shorter than usual",
  cadence_surge_percent: "stepped {v} % faster than usual",
  step_time_cv_percent: "uneven rhythm: steps differ by {v} %",
  asymmetry_percent: "limped: left and right differ by {v} %",
  impact_g: "stepped heavily ({v} g)",
  veering_deg: "veered {v} degrees off the line",
  variability_growth_percent: "steps {v} % less even than at first",
  sway_growth_percent: "trunk sways {v} % more than at first",
};
export const IMPACTS = { over: "a hard impact", unknown: "a jolt" };
// Smaller figures are no news. Where the evidence has a limit, it is that.
const LEAST = { tilt_change_deg: 30, downward_speed_mps: 0.8, trunk_rate_dps: 100 };

export const KINDS = {
  fall: "Fall", sos: "Call for help", stumble: "Stumble", unsafe_step: "Unsafe step", tiring: "Tiring",
  sensor: "Sensor fault", link: "Connection fault", battery: "Low supply voltage", fault: "Fault", test: "Test",
};

export const CERTAINTY = { suspected: "suspected", confirmed: "confirmed" };

export const WHY_NOT = {
  not_started: "tap Start watching first",
  blocked: "the browser blocks sound: tap Start watching again",
  clock: "the sound has stopped: another app may have taken it",
  hidden: "the page is in the background",
  server: "the page's server does not answer",
  no_audio: "this browser has no Web Audio",
};

export const REFUSALS = {
  over: "That alert is over.",
  repeated: "That was sent already.",
  no_way: "NOT SENT: no connection to the broker.",
  no_contact: "NOT SENT: no contact with the device.",
  unknown: "That is not known here any more.",
  no_session: "This phone is no longer paired.",
  origin: "Refused: the request did not come from this page.",
  wrong_word: "That code or link opens nothing. Ask for a new one.",
  too_many: "Too many wrong codes. Wait a minute.",
  not_kept: "The label could not be kept: is the disk full?",
  network: "NOT SENT: the page's server does not answer.",
};

export const SAY = {
  title: "Rearguard",
  no_device: "Waiting for the device…",
  for_time: "for {time}",
  just_now: "just now",
  ago: "{time} ago",
  age_unknown: "time unknown",
  late_news: "old news: it happened {time} ago",
  moving: "still moving, last step {time} ago",
  standing: "no steps for {time}",
  no_steps: "no steps yet",
  strip: "How close to an alarm",
  strip_text: "Sway {sway} and rhythm {rhythm} of the limit",
  limit: "limit",
  sway: "Sway",
  rhythm: "Rhythm",
  strip_off: "Shown while the walker steps",
  direction: "Direction",
  cadence: "Steps a minute",
  backward: "Steps backward",
  minutes: "Minutes walked",
  signal: "Signal",
  signal_age: "{time} old",
  signal_none: "none",
  supply: "Supply",
  supply_good: "good",
  supply_low: "LOW",
  buzzer_paused: "The walker's buzzer is paused",
  listening: "Listening",
  nobody: "nobody",
  nobody_listens: "nobody listens",
  listeners: "listening: {names}",
  yours: "yours",
  walkers: "{count} walkers",
  walking: "Walking",
  outage: "{why}: {count} walkers, {armed} of them watched",
  other_alarm: "{who}: {what}",
  arm: "Watch",
  disarm: "Stop watching",
  test: "Test alarm",
  roll_call: "Roll call",
  session: "Session",
  menu: "Menu",
  night: "Night",
  day: "Day",
  all_walkers: "All walkers",
  start: "Start watching",
  start_why: "One tap lets this phone ring. It plays a tone: turn the volume up until you hear it.",
  can_ring: "This phone can ring",
  cannot_ring: "This phone CANNOT ring",
  keep_on: "Plain HTTP: the browser may let the screen go dark, and then it cannot ring. Keep the screen on, or set up HTTPS.",
  silent: "NO SOUND on this phone: tap here",
  silent_switch: "iPhone: turn the silent switch off.",
  coming: "I'm coming",
  coming_too: "I take over",
  false_alarm: "False alarm",
  clear: "All clear",
  hold: "hold: {what}",
  pause: "Pause the sound for 60 s",
  paused: "Sound paused, {time} left",
  look_after: "I look after it",
  is_coming: "{who} is coming",
  you_are_coming: "You are coming",
  no_answer: "nobody has answered",
  lost_broker: "The page has lost the broker",
  lost_server: "The page's server does not answer",
  offline: "This phone is offline",
  last_known: "last known: {what}",
  last_armed: "was being watched",
  missed: "While you were away ({time})",
  missed_nothing: "Nothing happened.",
  close: "Close",
  roll_title: "Roll call",
  roll_text: "{by} asks who can hear this. Press if your phone rings.",
  roll_here: "I hear it",
  roll_pressed: "{name}: yes, after {time}",
  roll_waiting: "{name}: …",
  roll_cannot: "{name}: cannot ring",
  sent: "Sent.",
};

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));

// 4 s, 2 min, 3 h: as much as one can take in at a glance.
export function time(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function evidence(found) {
  const said = [];
  for (const [name, phrase] of Object.entries(EVIDENCE)) {
    if (!(name in found)) continue;
    const [value, limit] = found[name];
    if (value < (LEAST[name] ?? limit ?? 0)) continue;
    const v = Math.abs(value) < 10 ? value.toFixed(1) : Math.round(value);
    const impact = limit === null ? IMPACTS.unknown : IMPACTS.over;
    said.push(fill(phrase, { v, l: limit, impact }));
  }
  return said.slice(0, 3).join(", ");
}
