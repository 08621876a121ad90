// The server: its live stream, and what we tell it.

export class RefusedError extends Error {}

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export const PAGE = random(); // this open page, among those of one session

export async function post(path, body = {}, keepalive = false) {
  let response;
  let said;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5000),
      keepalive,
    });
    said = await response.json(); // also of what went well: unread it would hold the connection
  } catch {
    throw new RefusedError("network");
  }
  if (!response.ok) throw new RefusedError(said.why);
}

export const say = (path, body) => post(path, { ...body, nonce: random() });

export async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(5000) });
  const said = await response.json();
  if (!response.ok) throw new RefusedError(response.status === 401 ? "no_session" : "unknown");
  return said;
}

// The stream, opened again for ever. hears: functions by the event's name; out: there is no session.
export function live(hears, out) {
  let source = null;
  let heard = performance.now();
  const open = () => {
    source?.close();
    source = new EventSource("/live");
    for (const [name, hear] of Object.entries(hears)) {
      source.addEventListener(name, (event) => {
        heard = performance.now();
        hear(JSON.parse(event.data));
      });
    }
  };
  let asking = false;
  const look = async () => {
    // A stream that says nothing is replaced: some networks drop it without a word.
    if (performance.now() - heard < 2500 || asking) return;
    asking = true;
    try {
      await get("/me");
      if (performance.now() - heard >= 2500) open();
    } catch (error) {
      if (error.message === "no_session") out();
    } finally {
      asking = false;
    }
  };
  open();
  const timer = setInterval(look, 1500);
  return {
    silent_s: () => (performance.now() - heard) / 1000,
    close: () => {
      clearInterval(timer);
      source.close();
    },
  };
}
