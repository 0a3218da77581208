// @ts-check
// The ways to play live answers, and the change to the next one when a player fails.
import { canUseMediaSource, MsePlayer } from "./live_mse.js";
import { canUseWebCodecs, LivePlayer } from "./live_player.js";

/** @typedef {import("./live_messages.js").Player} Player */
/** @typedef {import("./live_messages.js").PlayerOptions} PlayerOptions */

/** The preferred one first. */
const KINDS = [
  { transport: "webcodecs", Kind: LivePlayer, canUse: canUseWebCodecs },
  { transport: "mse", Kind: MsePlayer, canUse: canUseMediaSource },
];

/** What has failed in this browser is not begun with again. @type {Set<string>} */
const failed = new Set();

const usable = () => KINDS.find(({ transport, canUse }) => canUse() && !failed.has(transport));

/** Whether this browser can hold a live conversation. */
export const canTalkLive = () => "WebSocket" in window && usable() !== undefined;

/** Needs a browser that `canTalkLive`. */
export class LivePlayers {
  #volume = 1;
  transport = "";
  /** @type {Player} */
  current;

  /** @param {PlayerOptions} options */
  constructor(options) {
    this.options = options;
    this.current = this.#open(/** @type {(typeof KINDS)[number]} */ (usable()));
  }

  /** @param {(typeof KINDS)[number]} way */
  #open({ transport, Kind }) {
    this.transport = transport;
    return new Kind(this.options);
  }

  /** @param {number} volume 0 to 1 */
  setVolume(volume) {
    this.#volume = volume;
    this.current.setVolume(volume);
  }

  /** The current player failed: opens another one. @returns {boolean} whether there is one */
  next() {
    this.current.release();
    failed.add(this.transport);
    const way = usable();
    if (!way)
      failed.clear(); // when the user tries once more, it may go better
    else {
      this.current = this.#open(way);
      this.current.setVolume(this.#volume);
    }
    return way !== undefined;
  }
}
