// Runs on the audio thread: the microphone's samples, resampled to 16 kHz, in frames of 20 ms of 16-bit integers.
const RATE = 16000;
const FRAME = 320;
const HALF_WIDTH = 16; // of the filter, in samples at 16 kHz
const PHASES = 64;
const CUTOFF = 0.92;

/** A low-pass filter for each of `PHASES` positions between two input samples. */
function filters(ratio) {
  const reach = Math.ceil(HALF_WIDTH * ratio);
  return Array.from({ length: PHASES }, (_, phase) => {
    const taps = new Float32Array(2 * reach);
    let sum = 0;
    for (let i = 0; i < taps.length; i++) {
      const x = (i - reach + 1 - phase / PHASES) / ratio;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * CUTOFF * x) / (Math.PI * CUTOFF * x);
      const window = Math.abs(x) < HALF_WIDTH ? 0.5 + 0.5 * Math.cos((Math.PI * x) / HALF_WIDTH) : 0;
      taps[i] = sinc * window;
      sum += taps[i];
    }
    return taps.map((tap) => tap / sum);
  });
}

class LiveMicrophone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.ratio = sampleRate / RATE;
    this.filters = filters(this.ratio);
    this.input = new Float32Array(0);
    this.at = 0; // of the next output sample, in input samples
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
  }

  process(inputs) {
    const samples = inputs[0][0];
    if (!samples) return true;
    const input = new Float32Array(this.input.length + samples.length);
    input.set(this.input);
    input.set(samples, this.input.length);
    const width = this.filters[0].length;
    for (; Math.floor(this.at) + width <= input.length; this.at += this.ratio) {
      const from = Math.floor(this.at);
      const taps = this.filters[Math.floor((this.at - from) * PHASES)];
      let sum = 0;
      for (let i = 0; i < width; i++) sum += taps[i] * input[from + i];
      this.add(sum);
    }
    const done = Math.min(Math.floor(this.at), input.length);
    this.input = input.slice(done);
    this.at -= done;
    return true;
  }

  add(sample) {
    this.frame[this.filled++] = Math.round(Math.min(1, Math.max(-1, sample)) * 32767);
    if (this.filled < FRAME) return;
    this.port.postMessage(this.frame);
    this.filled = 0;
  }
}

registerProcessor("live-microphone", LiveMicrophone);
