// Runs on the audio thread: plays the sound of one generation and tells the page how far it is. Silent while it waits.
const KEPT_S = 10;
const REFILL_S = 0.06;
const FADE_S = 0.005;
const REPORT_BLOCKS = 4;
/** The last sound may be this much shorter than the pictures. */
const MISSING_S = 0.3;

class LiveSound extends AudioWorkletProcessor {
  constructor() {
    super();
    this.ring = new Float32Array(KEPT_S * sampleRate);
    this.blocks = 0;
    this.begin({ gen: 0 });
    this.port.onmessage = ({ data }) => {
      if (data.what === "begin") this.begin(data);
      else if (data.gen !== this.gen) return;
      else if (data.what === "sound") this.add(data);
      else if (data.what === "play") this.isPlaying = data.on;
      else if (data.what === "end") this.end = data.frames;
    };
  }

  /** Forgets everything: the next block is silent. */
  begin({ gen }) {
    this.gen = gen;
    this.read = this.written = 0;
    this.end = Infinity;
    this.isPlaying = this.isEnded = false;
    this.isStarved = true;
    this.level = 0;
  }

  /** Samples from frame `at` on; what is there already is not replaced. */
  add({ at, samples }) {
    const size = this.ring.length;
    for (; this.written < at && this.written - this.read < size; this.written++) this.ring[this.written % size] = 0;
    for (let i = this.written - at; i < samples.length && this.written - this.read < size; i++, this.written++)
      this.ring[this.written % size] = samples[i];
  }

  /** How many frames can be played now. */
  available() {
    const here = this.written - this.read;
    const isLast = this.end - this.written <= MISSING_S * sampleRate;
    if (here >= REFILL_S * sampleRate || isLast) this.isStarved = false;
    if (this.isStarved || (!this.isPlaying && this.level <= 0)) return 0;
    return isLast ? this.end - this.read : here;
  }

  process(_, outputs) {
    const out = outputs[0][0];
    const from = this.read;
    const count = Math.max(0, Math.min(out.length, this.available()));
    const step = 1 / (FADE_S * sampleRate);
    for (let i = 0; i < count; i++, this.read++) {
      this.level = Math.min(1, Math.max(0, this.level + (this.isPlaying ? step : -step)));
      out[i] = this.read < this.written ? this.ring[this.read % this.ring.length] * this.level : 0;
    }
    if (this.isPlaying && count < out.length && this.read < this.end) this.isStarved = true;
    this.report(from, count > 0);
    return true;
  }

  report(read, isRunning) {
    if (!this.gen) return;
    if (this.read >= this.end && !this.isEnded) {
      this.isEnded = true;
      this.port.postMessage({ gen: this.gen, read: this.read, at: currentTime, isRunning: false, isEnded: true });
    } else if (this.blocks++ % REPORT_BLOCKS === 0 && !this.isEnded)
      this.port.postMessage({ gen: this.gen, read, at: currentTime, isRunning, isEnded: false });
  }
}

registerProcessor("live-sound", LiveSound);
