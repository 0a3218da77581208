// @ts-check
// Notices a player that neither goes on nor fails.

/** Without a look for so long the page was hidden or busy: that is no fault of the player. */
const UNSEEN_MS = 1000;

export class StallWatch {
  #since = 0;
  #seen = 0;

  /** @param {number} limitMs how long it may give nothing */
  constructor(limitMs) {
    this.limitMs = limitMs;
  }

  /** It gave something. */
  progress() {
    this.#since = performance.now();
  }

  /** To be asked often. @param {boolean} waits whether it has all it needs to give something */
  isStalled(waits) {
    const now = performance.now();
    if (!waits || now - this.#seen > UNSEEN_MS) this.#since = now;
    this.#seen = now;
    return now - this.#since > this.limitMs;
  }
}
