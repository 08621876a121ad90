// The siren, and the proof that it can be heard: the audio clock must advance as time does.

const PATTERNS = {
  // frequency in Hz, its swing, swings a second, gaps a second
  high: { type: "sawtooth", hz: 1000, swing: 450, swings: 3, gaps: 0 },
  lost: { type: "square", hz: 880, swing: 0, swings: 0, gaps: 2.5 },
  medium: { type: "triangle", hz: 740, swing: 0, swings: 0, gaps: 1 },
  roll: { type: "triangle", hz: 620, swing: 200, swings: 1, gaps: 0 },
  tone: { type: "sine", hz: 660, swing: 0, swings: 0, gaps: 0 },
};
const LOUD = 0.9;

export class Sound {
  #context = null;
  #playing = null;
  #kind = "";
  #at = null; // [audio clock, our clock] at the last look
  #advances = false;
  #lock = null;

  // In answer to a tap: unlock, and let it be heard.
  async start() {
    if (!window.AudioContext) return false;
    try {
      if (navigator.audioSession) navigator.audioSession.type = "playback"; // iOS: not with the ringer's switch
    } catch {
      // an older one: its silent switch counts
    }
    this.#context ??= new AudioContext();
    await this.#context.resume();
    this.keepOn();
    this.ring("tone");
    await new Promise((done) => setTimeout(done, 700));
    this.ring("");
    this.look();
    await new Promise((done) => setTimeout(done, 300));
    return this.look();
  }

  get started() {
    return this.#context !== null;
  }

  get kind() {
    return this.#kind;
  }

  get clock() {
    return this.#context?.currentTime ?? 0;
  }

  // Does the audio clock run? Called each second.
  look() {
    if (this.#context === null) return false;
    const now = [this.#context.currentTime, performance.now() / 1000];
    if (this.#at && now[1] - this.#at[1] > 0.2) {
      this.#advances = now[0] - this.#at[0] > 0.5 * (now[1] - this.#at[1]);
      this.#at = now;
    }
    this.#at ??= now;
    if (this.#context.state !== "running") {
      this.#advances = false;
      this.#context.resume().catch(() => {}); // after a call, say
    }
    return this.#advances;
  }

  why() {
    if (!window.AudioContext) return "no_audio";
    if (this.#context === null) return "not_started";
    if (this.#context.state !== "running") return "blocked";
    return this.#advances ? "" : "clock";
  }

  // Keep the screen on; false where the browser cannot.
  async keepOn() {
    if (!navigator.wakeLock) return false;
    try {
      if (this.#lock === null || this.#lock.released) this.#lock = await navigator.wakeLock.request("screen");
    } catch {
      return false;
    }
    return true;
  }

  get canKeepOn() {
    return Boolean(navigator.wakeLock);
  }

  // One of PATTERNS, or "" for silence. It goes on by itself, however slow the page's timers become.
  ring(kind) {
    if (kind === this.#kind || this.#context === null) return;
    this.#playing?.();
    this.#playing = null;
    this.#kind = kind;
    if (!kind) return;
    const { type, hz, swing, swings, gaps } = PATTERNS[kind];
    const context = this.#context;
    const voice = new OscillatorNode(context, { type, frequency: hz });
    const gain = new GainNode(context, { gain: gaps ? LOUD / 2 : LOUD });
    const parts = [voice];
    if (swing) {
      const slow = new OscillatorNode(context, { type: "triangle", frequency: swings });
      slow.connect(new GainNode(context, { gain: swing })).connect(voice.frequency);
      parts.push(slow);
    }
    if (gaps) {
      const slow = new OscillatorNode(context, { type: "square", frequency: gaps });
      slow.connect(new GainNode(context, { gain: LOUD / 2 })).connect(gain.gain);
      parts.push(slow);
    }
    voice.connect(gain).connect(context.destination);
    for (const part of parts) part.start();
    this.#playing = () => {
      for (const part of parts) part.stop();
      gain.disconnect();
    };
  }
}
