// @ts-check
// Plays answers with WebCodecs: pictures on a canvas over the idle loop, each when its sound is heard.
import { StallWatch } from "./live_stall.js";
import { SoundClock } from "./sound_clock.js";

/** @typedef {import("./live_messages.js").MediaFrame} MediaFrame */
/** @typedef {import("./live_messages.js").TurnEvent} TurnEvent */
/** @typedef {import("./live_messages.js").Player} Player */
/** @typedef {import("./live_messages.js").PlayerOptions} PlayerOptions */

/** Decoded pictures hold memory of the video decoder, of which there is little. */
const MAX_DECODED = 8;
const LATE_US = 300_000;
const MAX_FAILURES = 3;
const STALLED_MS = 2000;

/** Some browsers have the decoder but not H.264. The answer is there long before the first click. */
let canDecode = "VideoDecoder" in window && "EncodedVideoChunk" in window && "AudioWorkletNode" in window;
if (canDecode)
  VideoDecoder.isConfigSupported({ codec: "avc1.42E01F" }).then(
    ({ supported }) => (canDecode = supported === true),
    () => (canDecode = false),
  );

/** Whether this browser can play so. */
export const canUseWebCodecs = () => canDecode;

/** @implements {Player} */
export class LivePlayer {
  /** @type {MediaFrame[]} */
  #units = [];
  /** @type {VideoFrame[]} */
  #pictures = [];
  /** @type {VideoDecoder | null} */
  #decoder = null;
  /** @type {VideoDecoderConfig | null} */
  #config = null;
  #decoding = 0;
  #failures = 0;
  #needsKey = true;
  #isHeld = false;
  #isStarted = false;
  #durationUs = Infinity;
  #endFrame = 0;
  #animation = 0;
  #stall = new StallWatch(STALLED_MS);
  gen = 0;

  /** @param {PlayerOptions} options */
  constructor({ surface, onended, onfailed }) {
    this.surface = surface;
    this.onended = onended;
    this.onfailed = onfailed;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "live-picture";
    this.canvas.setAttribute("aria-hidden", "true");
    surface.add(this.canvas);
    this.sound = new SoundClock(() => this.#ended());
    const draw = () => {
      this.#animation = requestAnimationFrame(draw);
      this.#draw();
    };
    this.#animation = requestAnimationFrame(draw);
  }

  open = () => this.sound.open();
  positionUs = () => Math.min(this.sound.positionUs(), this.#durationUs);
  setVolume = (/** @type {number} */ volume) => this.sound.setVolume(volume);
  duck = (/** @type {boolean} */ on) => this.sound.duck(on);
  wake = () => void this.sound.wake();

  /** @param {TurnEvent} turn */
  begin(turn) {
    this.#clear();
    this.gen = turn.gen;
    this.canvas.width = turn.video.width;
    this.canvas.height = turn.video.height;
    const description = Uint8Array.from(atob(turn.video.description), (c) => c.charCodeAt(0));
    this.#config = { codec: turn.video.codec, description, optimizeForLatency: true };
    this.#failures = 0;
    this.#stall.progress();
    this.sound.begin(turn.gen, turn.sample_rate_hz);
    this.#openDecoder();
  }

  /** @param {MediaFrame} frame */
  media(frame) {
    if (frame.gen !== this.gen) return;
    if (frame.kind === "sound") return this.sound.add(frame.ptsUs, frame.data);
    this.#units.push(frame);
    this.#decode();
  }

  /** @param {{duration_us: number, end_frame: number}} end */
  end({ duration_us, end_frame }) {
    this.#durationUs = duration_us;
    this.#endFrame = end_frame;
    this.sound.end(duration_us);
  }

  /** Falls silent and shows the loop, but keeps what it has. */
  hold() {
    this.#isHeld = true;
    this.sound.play(false);
    this.surface.hide(this.canvas);
  }

  resume() {
    this.#isHeld = false;
    if (this.#isStarted) this.sound.play(true);
  }

  /** Drops the answer at once. */
  drop() {
    if (!this.gen) return;
    this.#clear();
    this.sound.begin(0);
    this.surface.hide(this.canvas);
  }

  release() {
    this.drop();
    cancelAnimationFrame(this.#animation);
    this.sound.close();
    this.canvas.remove();
  }

  #clear() {
    this.gen = 0;
    this.#units = [];
    this.#closeDecoder();
    this.#durationUs = Infinity;
    this.#isHeld = this.#isStarted = false;
  }

  #closeDecoder() {
    for (const picture of this.#pictures.splice(0)) picture.close();
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
  }

  #openDecoder() {
    this.#closeDecoder();
    this.#needsKey = true;
    this.#decoding = 0;
    const decoder = new VideoDecoder({
      output: (picture) => {
        if (decoder !== this.#decoder) return picture.close();
        this.#decoding--;
        this.#stall.progress();
        if (picture.timestamp < 0) {
          picture.close(); // it only leads the decoder from the idle loop to the answer
          return this.#decode();
        }
        this.#pictures.push(picture);
        this.#start();
      },
      error: () => decoder === this.#decoder && this.#decoderFailed(),
    });
    this.#decoder = decoder;
    this.#try(() => decoder.configure(/** @type {VideoDecoderConfig} */ (this.#config)));
  }

  /** @param {() => void} act that a decoder may refuse */
  #try(act) {
    try {
      act();
    } catch {
      this.#decoderFailed();
    }
  }

  /** Goes on with the next picture that can be decoded by itself. */
  #decoderFailed() {
    this.#failures += 1;
    if (this.#failures > MAX_FAILURES) this.onfailed("failed");
    else this.#openDecoder();
  }

  /** The sound begins with the first picture. */
  #start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    if (!this.#isHeld) this.sound.play(true);
  }

  #decode() {
    this.#skipLate();
    if (document.hidden && this.#units.length) return this.#start(); // nobody sees it, but it is heard
    if (!this.#decoder) return;
    while (this.#units.length && this.#pictures.length + this.#decoding < MAX_DECODED) {
      const unit = /** @type {MediaFrame} */ (this.#units.shift());
      if (this.#needsKey && !unit.isKey) continue;
      this.#needsKey = false;
      this.#decoding++;
      const type = unit.isKey ? "key" : "delta";
      const chunk = new EncodedVideoChunk({ type, timestamp: unit.ptsUs, data: unit.data });
      this.#try(() => this.#decoder?.decode(chunk));
    }
  }

  /** Leaves out pictures whose time is over, as in a tab that was hidden: up to the last one that stands by itself. */
  #skipLate() {
    const now = this.sound.positionUs();
    if (!this.#units.length || this.#units[0].ptsUs > now - LATE_US) return;
    const next = this.#units.findLastIndex((unit) => unit.isKey && unit.ptsUs <= now);
    if (next < 1) return;
    this.#units.splice(0, next);
    this.#openDecoder();
  }

  #draw() {
    if (!this.gen || this.#isHeld) return;
    const now = this.sound.positionUs();
    /** @type {VideoFrame | undefined} */
    let latest;
    while (this.#pictures.length && this.#pictures[0].timestamp <= now) {
      latest?.close();
      latest = this.#pictures.shift();
    }
    if (latest) {
      this.canvas.getContext("2d")?.drawImage(latest, 0, 0, this.canvas.width, this.canvas.height);
      latest.close();
      this.surface.show(this.canvas);
    }
    this.#decode();
    if (this.#stall.isStalled(this.#waits())) this.onfailed("stalled");
  }

  /** Whether the decoder has all it may have, and nothing of it was given back. */
  #waits() {
    const isAll = this.#durationUs !== Infinity && !this.#units.length && !this.#isStarted;
    return !this.#pictures.length && this.#decoding > 0 && (isAll || this.#decoding >= MAX_DECODED);
  }

  #ended() {
    const gen = this.gen;
    const us = this.#durationUs;
    const frame = this.#endFrame;
    this.#clear();
    this.surface.hide(this.canvas, frame);
    this.onended({ gen, us });
  }
}
