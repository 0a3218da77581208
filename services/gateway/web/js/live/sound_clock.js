// @ts-check
// The sound of an answer, which is the clock of its pictures.

/** @typedef {{gen: number, read: number, at: number, isRunning: boolean, isEnded: boolean}} Report */

const EXPECTED_HZ = 24_000;
const DUCKED = 0.126; // -18 dB
const RAMP_S = 0.015;
/** The audio thread reports more often than this: beyond it nothing is assumed. */
const MAX_GUESS_S = 0.1;

export class SoundClock {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  /** @type {GainNode | null} */
  #gain = null;
  /** @type {unknown[]} what was said before the audio thread was ready */
  #waiting = [];
  /** @type {Report | null} */
  #report = null;
  #gen = 0;
  #position = 0;
  #volume = 1;
  #isDucked = false;

  /** @param {() => void} onended the generation's sound was heard to its end */
  constructor(onended) {
    this.onended = onended;
  }

  /** Opens the loudspeaker. Call it while the user clicks: later the browser may refuse. @param {number} [rate] Hz */
  async open(rate = EXPECTED_HZ) {
    if (this.#context?.sampleRate === rate) return;
    this.close();
    const context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this.#context = context;
    void context.resume();
    await context.audioWorklet.addModule(new URL("./sound_worklet.js", import.meta.url));
    if (this.#context !== context) return;
    const node = new AudioWorkletNode(context, "live-sound", { numberOfInputs: 0, outputChannelCount: [1] });
    const gain = context.createGain();
    node.connect(gain).connect(context.destination);
    node.port.onmessage = ({ data }) => this.#heard(data);
    this.#node = node;
    this.#gain = gain;
    this.#setGain();
    for (const message of this.#waiting.splice(0)) node.port.postMessage(message);
  }

  close() {
    this.#node?.disconnect();
    if (this.#context) void this.#context.close();
    this.#context = this.#node = this.#gain = null;
    this.#waiting = [];
  }

  /** Forgets the generation before, at once. @param {number} gen 0 for none @param {number} [rate] Hz */
  begin(gen, rate) {
    this.#gen = gen;
    this.#report = null;
    this.#position = 0;
    if (rate) void this.open(rate);
    void this.wake();
    this.#tell({ what: "begin", gen });
  }

  /** @param {number} atUs @param {Uint8Array} data 16-bit samples */
  add(atUs, data) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const samples = new Float32Array(data.byteLength >> 1);
    for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(2 * i, true) / 32768;
    this.#tell({ what: "sound", gen: this.#gen, at: this.#frames(atUs), samples });
  }

  /** @param {boolean} on */
  play(on) {
    this.#tell({ what: "play", gen: this.#gen, on });
  }

  /** @param {number} durationUs */
  end(durationUs) {
    this.#tell({ what: "end", gen: this.#gen, frames: this.#frames(durationUs) });
  }

  /** What is heard just now, in microseconds of the generation. */
  positionUs() {
    const report = this.#report;
    const context = this.#context;
    if (!report || !context) return this.#position;
    const passed = report.isRunning ? Math.min(Math.max(0, context.currentTime - report.at), MAX_GUESS_S) : 0;
    const late = report.isEnded ? 0 : context.outputLatency || context.baseLatency || 0;
    const heard = report.read / context.sampleRate + passed - late;
    this.#position = Math.max(this.#position, Math.round(heard * 1e6));
    return this.#position;
  }

  /** Goes on after the browser has stopped the sound. */
  async wake() {
    if (this.#context && this.#context.state !== "running" && this.#context.state !== "closed")
      await this.#context.resume().catch(() => {});
  }

  /** @param {number} volume 0 to 1 */
  setVolume(volume) {
    this.#volume = volume;
    this.#setGain();
  }

  /** Lowers the sound while the user seems to speak. @param {boolean} on */
  duck(on) {
    this.#isDucked = on;
    this.#setGain();
  }

  #setGain() {
    const target = this.#volume * (this.#isDucked ? DUCKED : 1);
    if (this.#gain && this.#context) this.#gain.gain.setTargetAtTime(target, this.#context.currentTime, RAMP_S);
  }

  /** @param {number} us */
  #frames(us) {
    return Math.round((us / 1e6) * (this.#context?.sampleRate ?? EXPECTED_HZ));
  }

  /** @param {unknown} message */
  #tell(message) {
    if (this.#node) this.#node.port.postMessage(message);
    else this.#waiting.push(message);
  }

  /** @param {Report} report */
  #heard(report) {
    if (report.gen !== this.#gen) return;
    this.#report = report;
    if (report.isEnded) this.onended();
  }
}
