// @ts-check
// The microphone of a live conversation: frames of 16 kHz, its level, and whether somebody seems to speak.
import { MicError } from "../core/recorder.js";

/**
 * @typedef {object} MicrophoneOptions
 * @property {(samples: Int16Array) => void} onframe 20 ms at 16 kHz; none while it is muted
 * @property {(level: number) => void} onlevel 0 to 1, for each frame
 * @property {(on: boolean) => void} onvoice somebody begins or ceases to speak, as far as loudness tells
 * @property {() => void} onunplugged
 */

/** Tells voice from quiet by its loudness over the noise of the room. */
export class VoiceDetector {
  #floor = -60;
  #loud = 0;
  #quiet = 0;
  isVoice = false;

  /** @param {number} db level of 20 ms @returns {boolean} whether there is a voice */
  add(db) {
    const isLoud = db > Math.max(this.#floor + 12, -45);
    // the floor falls fast and rises slowly, so that speech does not become noise
    this.#floor += (db - this.#floor) * (db < this.#floor ? 0.2 : 0.005);
    this.#loud = isLoud ? this.#loud + 1 : 0;
    this.#quiet = isLoud ? 0 : this.#quiet + 1;
    if (this.#loud >= 3) this.isVoice = true;
    if (this.#quiet >= 20) this.isVoice = false;
    return this.isVoice;
  }
}

/** @param {Int16Array} samples @returns {number} dBFS */
function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / samples.length / 32768 ** 2 + 1e-9);
}

/** Opens the microphone and asks for permission where needed. Throws `MicError`. @param {string} device id, or empty */
async function openStream(device) {
  if (!isSecureContext || !navigator.mediaDevices) throw new MicError("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        deviceId: device ? { exact: device } : undefined,
      },
    });
  } catch (error) {
    const name = /** @type {DOMException} */ (error).name;
    if (name === "OverconstrainedError" && device) return openStream(""); // the chosen one is gone
    if (name === "NotAllowedError") throw new MicError("denied");
    throw new MicError(name === "NotFoundError" || name === "OverconstrainedError" ? "missing" : "busy");
  }
}

export class LiveMicrophone {
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {AudioContext | null} */
  #context = null;
  #detector = new VoiceDetector();
  #isMuted = false;

  /** @param {MicrophoneOptions} options */
  constructor(options) {
    this.options = options;
  }

  get isOpen() {
    return this.#stream !== null;
  }

  /** Throws `MicError`. @param {string} [device] id of the device; empty for the usual one */
  async open(device = "") {
    const stream = await openStream(device);
    this.close();
    const context = new AudioContext();
    this.#stream = stream;
    this.#context = context;
    try {
      await context.audioWorklet.addModule(new URL("./microphone_worklet.js", import.meta.url));
    } catch {
      this.close();
      throw new MicError("busy");
    }
    if (this.#context !== context) return; // closed meanwhile
    const node = new AudioWorkletNode(context, "live-microphone", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.#stream === stream && this.#frame(data);
    context.createMediaStreamSource(stream).connect(node);
    void context.resume();
    const [track] = stream.getAudioTracks();
    track.addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.close();
      this.options.onunplugged();
    });
    this.mute(this.#isMuted);
  }

  /** @param {boolean} on */
  mute(on) {
    this.#isMuted = on;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !on;
    if (on) this.options.onlevel(0);
  }

  close() {
    const stream = this.#stream;
    this.#stream = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    if (this.#context) void this.#context.close();
    this.#context = null;
  }

  /** Id of the device in use. */
  get device() {
    return this.#stream?.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** @param {Int16Array} samples */
  #frame(samples) {
    if (this.#isMuted) return;
    const db = loudness(samples);
    this.options.onframe(samples);
    this.options.onlevel(Math.min(1, Math.max(0, (db + 60) / 54)));
    const was = this.#detector.isVoice;
    if (this.#detector.add(db) !== was) this.options.onvoice(!was);
  }
}

/** The microphones of this machine; their names are known once one was allowed. */
export const microphones = async () =>
  (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "audioinput");
