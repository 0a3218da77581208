// @ts-check
// Recording from the microphone: permission, level, and the result as mono WAV.

/** The sample rate of speech recognition. */
export const SAMPLE_RATE_HZ = 16_000;

/**
 * Why the microphone cannot be used: an "insecure" page, "denied" by the user, "missing", or "busy" in another program.
 */
export class MicError extends Error {
  /** @param {"insecure" | "denied" | "missing" | "busy"} reason */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** @typedef {{stop: () => Promise<File>, cancel: () => void}} Recording */

/**
 * Starts recording. Throws `MicError`.
 * @param {(level: number, seconds: number) => void} onlevel loudness 0 to 1 and seconds so far, about 12 times a second
 * @param {{rate?: number, processed?: boolean}} [options]
 * `processed`: with echo cancellation and noise suppression, which change the sound of a voice
 * @returns {Promise<Recording>}
 */
export async function record(onlevel, { rate: wanted = SAMPLE_RATE_HZ, processed = true } = {}) {
  if (!isSecureContext || !navigator.mediaDevices) throw new MicError("insecure");
  const stream = await navigator.mediaDevices
    .getUserMedia({
      audio: { channelCount: 1, echoCancellation: processed, noiseSuppression: processed, autoGainControl: processed },
    })
    .catch((e) => {
      const reason = { NotAllowedError: "denied", NotFoundError: "missing", OverconstrainedError: "missing" }[
        /** @type {string} */ (e.name)
      ];
      throw new MicError(/** @type {any} */ (reason ?? "busy"));
    });
  const context = new AudioContext();
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    if (context.state !== "closed") void context.close();
  };
  try {
    await context.audioWorklet.addModule(new URL("./capture_worklet.js", import.meta.url));
  } catch {
    close();
    throw new MicError("busy");
  }
  /** @type {Float32Array[]} */
  const pieces = [];
  let length = 0;
  const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }) => {
    pieces.push(data);
    length += data.length;
    onlevel(level(data), length / context.sampleRate);
  };
  context.createMediaStreamSource(stream).connect(node);
  return {
    cancel: close,
    stop: async () => {
      const rate = context.sampleRate;
      close();
      const samples = await resample(concatenate(pieces, length), rate, wanted);
      return new File([wav(samples, wanted)], "recording.wav", { type: "audio/wav" });
    },
  };
}

/** @param {Float32Array} samples @returns {number} 0 at −60 dBFS and below, 1 at −6 dBFS */
function level(samples) {
  let sum = 0;
  for (const s of samples) sum += s * s;
  const db = 10 * Math.log10(sum / samples.length + 1e-9);
  return Math.min(1, Math.max(0, (db + 60) / 54));
}

/** @param {Float32Array[]} pieces @param {number} length */
function concatenate(pieces, length) {
  const all = new Float32Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/**
 * Resamples with the browser's resampler, which filters properly.
 * @param {Float32Array} samples
 * @param {number} rate
 * @param {number} to
 * @returns {Promise<Float32Array>}
 */
async function resample(samples, rate, to) {
  if (!samples.length || rate === to) return samples;
  const offline = new OfflineAudioContext(1, Math.max(1, Math.round((samples.length * to) / rate)), to);
  const buffer = offline.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(/** @type {Float32Array<ArrayBuffer>} */ (samples), 0);
  const node = offline.createBufferSource();
  node.buffer = buffer;
  node.connect(offline.destination);
  node.start();
  return (await offline.startRendering()).getChannelData(0);
}

/** @param {Float32Array} samples @param {number} rate @returns {ArrayBuffer} a RIFF file, 16-bit mono */
function wav(samples, rate) {
  const out = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (/** @type {number} */ at, /** @type {string} */ s) =>
    [...s].forEach((c, i) => out.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  out.setUint32(4, 36 + samples.length * 2, true);
  text(8, "WAVEfmt ");
  out.setUint32(16, 16, true);
  out.setUint16(20, 1, true);
  out.setUint16(22, 1, true);
  out.setUint32(24, rate, true);
  out.setUint32(28, rate * 2, true);
  out.setUint16(32, 2, true);
  out.setUint16(34, 16, true);
  text(36, "data");
  out.setUint32(40, samples.length * 2, true);
  samples.forEach((s, i) => out.setInt16(44 + i * 2, Math.round(Math.min(1, Math.max(-1, s)) * 32767), true));
  return out.buffer;
}
