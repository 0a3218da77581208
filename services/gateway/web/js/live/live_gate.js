// @ts-check
// Which answers are still wanted. What was sent before the server knew better is left out.

export const ANSWERING = ["thinking", "speaking", "held"];

export class LiveGate {
  #newest = 0;
  #stopped = 0;
  /** Whether the user stopped an answer whose generation was not known. */
  stopsNext = false;
  /** Whether what comes is still for the player that failed. */
  isChanging = false;

  /** Another session. */
  reset() {
    this.#newest = this.#stopped = 0;
    this.stopsNext = this.isChanging = false;
  }

  /** @param {number} gen generation that is not wanted any more; 0: the one that is thought of */
  stop(gen) {
    this.#stopped = Math.max(this.#stopped, gen);
    this.stopsNext ||= !gen;
  }

  /** Nothing of what has been sent so far is wanted. */
  stopAll() {
    this.#stopped = this.#newest;
  }

  /** @param {any} event @returns {boolean} whether it is of a wanted answer, or of none */
  passes(event) {
    const { type, gen } = event;
    if (type === "transport") this.isChanging = false;
    const isOver = type === "interrupted" && event.reason === "hand";
    if (isOver || (type === "state" && !ANSWERING.includes(event.state))) this.stopsNext = false;
    if (gen === undefined) return true;
    this.#newest = Math.max(this.#newest, gen);
    if (type === "interrupted") this.stop(gen);
    if (type === "interrupted" || type === "timings") return true;
    return gen > this.#stopped && !this.stopsNext && !this.isChanging;
  }
}
