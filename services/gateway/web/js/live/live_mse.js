// @ts-check
// Plays answers with Media Source Extensions, where WebCodecs is missing: fragmented MP4 in a video over the idle loop.

import { StallWatch } from "./live_stall.js";

/** @typedef {import("./live_messages.js").MediaFrame} MediaFrame */
/** @typedef {import("./live_messages.js").TurnEvent} TurnEvent */
/** @typedef {import("./live_messages.js").Player} Player */
/** @typedef {import("./live_messages.js").PlayerOptions} PlayerOptions */

const DUCKED = 0.126; // -18 dB
const KEPT_S = 5;
/** A slow start is better than none: there is no other player after this one. */
const STALLED_MS = 5000;
const LOOK_MS = 500;
/** What is left at the end of a buffer may not be enough for a picture. */
const ENOUGH_S = 0.5;

/** iPhones have it under another name. @returns {typeof MediaSource | undefined} */
const source = () => /** @type {any} */ (window).ManagedMediaSource ?? window.MediaSource;

/** Whether this browser can play so. */
export const canUseMediaSource = () => source()?.isTypeSupported('video/mp4; codecs="avc1.42E01F,mp4a.40.2"') ?? false;

/** @implements {Player} */
export class MsePlayer {
  /** @type {Uint8Array[]} */
  #pieces = [];
  /** @type {MediaSource | null} */
  #media = null;
  /** @type {SourceBuffer | null} */
  #buffer = null;
  #address = "";
  #isHeld = false;
  #durationUs = Infinity;
  #endFrame = 0;
  #volume = 1;
  #isDucked = false;
  #stall = new StallWatch(STALLED_MS);
  #seenAt = 0;
  /** @type {ReturnType<typeof setInterval>} */
  #looking;
  gen = 0;

  /** @param {PlayerOptions} options */
  constructor({ surface, onended, onfailed }) {
    this.surface = surface;
    this.onended = onended;
    this.onfailed = onfailed;
    this.video = document.createElement("video");
    this.video.className = "live-picture";
    this.video.setAttribute("playsinline", "");
    this.video.setAttribute("aria-hidden", "true");
    this.video.disableRemotePlayback = true; // ManagedMediaSource asks for it
    this.video.addEventListener("playing", () => this.gen && surface.show(this.video));
    this.video.addEventListener("ended", () => this.#ended());
    this.video.addEventListener("error", () => this.gen && onfailed("failed"));
    surface.add(this.video);
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  open = async () => {};
  positionUs = () => Math.min(Math.round(this.video.currentTime * 1e6), this.#durationUs);
  wake = () => void (this.gen && !this.#isHeld && this.#play());

  /** @param {TurnEvent} turn */
  begin(turn) {
    this.#clear();
    const gen = turn.gen;
    this.gen = gen;
    const media = new /** @type {typeof MediaSource} */ (source())();
    this.#media = media;
    this.#address = URL.createObjectURL(media);
    media.addEventListener("sourceopen", () => {
      if (this.gen !== gen || this.#buffer) return;
      try {
        this.#buffer = media.addSourceBuffer(turn.video.mime_type);
      } catch {
        return this.onfailed("failed");
      }
      this.#buffer.addEventListener("updateend", () => this.gen === gen && this.#feed());
      this.#feed();
    });
    this.video.src = this.#address;
    this.#play();
  }

  /** @param {MediaFrame} frame */
  media(frame) {
    if (frame.gen !== this.gen || frame.kind !== "mp4") return;
    this.#pieces.push(frame.data);
    this.#feed();
  }

  /** @param {{duration_us: number, end_frame: number}} end */
  end({ duration_us, end_frame }) {
    this.#durationUs = duration_us;
    this.#endFrame = end_frame;
    this.#feed();
  }

  hold() {
    this.#isHeld = true;
    this.video.pause();
    this.surface.hide(this.video);
  }

  resume() {
    this.#isHeld = false;
    this.#play();
  }

  drop() {
    if (!this.gen) return;
    this.#clear();
    this.surface.hide(this.video);
  }

  release() {
    this.drop();
    clearInterval(this.#looking);
    this.video.remove();
  }

  /** @param {number} volume 0 to 1 */
  setVolume(volume) {
    this.#volume = volume;
    this.#setVolume();
  }

  /** @param {boolean} on */
  duck(on) {
    this.#isDucked = on;
    this.#setVolume();
  }

  #setVolume() {
    this.video.volume = this.#volume * (this.#isDucked ? DUCKED : 1);
  }

  #play() {
    if (!this.#isHeld) this.video.play().catch(() => {}); // dropped meanwhile
  }

  #clear() {
    this.gen = 0;
    this.#pieces = [];
    this.#buffer = this.#media = null;
    this.#isHeld = false;
    this.#durationUs = Infinity;
    this.video.pause();
    if (this.#address) {
      this.video.removeAttribute("src");
      this.video.load();
      URL.revokeObjectURL(this.#address);
      this.#address = "";
    }
  }

  #feed() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#media?.readyState !== "open") return;
    const piece = this.#pieces[0];
    try {
      if (piece) {
        buffer.appendBuffer(/** @type {BufferSource} */ (piece));
        this.#pieces.shift();
      } else if (this.#durationUs !== Infinity) this.#media.endOfStream();
    } catch (error) {
      const old = this.video.currentTime - KEPT_S;
      if (error instanceof DOMException && error.name === "QuotaExceededError" && old > 0) buffer.remove(0, old);
      else this.onfailed("failed");
    }
  }

  /** Whether pictures lie ready and none is shown. */
  #look() {
    const { buffered, currentTime } = this.video;
    const end = buffered.length ? buffered.end(buffered.length - 1) : 0;
    if (currentTime !== this.#seenAt) this.#stall.progress();
    this.#seenAt = currentTime;
    const waits = this.gen > 0 && !this.#isHeld && !document.hidden && end - currentTime > ENOUGH_S;
    if (this.#stall.isStalled(waits)) this.onfailed("stalled");
  }

  #ended() {
    if (!this.gen) return;
    const gen = this.gen;
    const us = this.#durationUs;
    this.#clear();
    this.surface.hide(this.video, this.#endFrame);
    this.onended({ gen, us });
  }
}
