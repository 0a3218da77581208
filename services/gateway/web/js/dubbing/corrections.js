// @ts-check
// What was corrected in the table of one script. The browser keeps it, so that a reload loses nothing.
import { loadPreference, savePreference } from "../core/preferences.js";

/** @typedef {import("./types.js").Sentence} Sentence */
/** @typedef {import("./types.js").Script} Script */
/** @typedef {import("./types.js").Edit} Edit */
/** @typedef {import("./types.js").FilmOptions} FilmOptions */
/** @typedef {import("./types.js").Fitting} Fitting */
/**
 * `heard`: lengths of corrected sentences that were listened to; `film`: id of the job that made the last film
 * @typedef {{edits: Record<number, Edit>, heard: Record<number, {text: string, spoken_s: number}>,
 *   options: FilmOptions, film: string}} Kept
 */

/** A sentence is spoken at these speeds. */
const FASTEST = 1.15;
const SLOWEST = 0.85;

/** @type {FilmOptions} */
const OPTIONS = { background: "keep", burn: false, second: false, restore: false };

const keyOf = (/** @type {string} */ id) => `dubbing.${id}`;

/** Forgets what was corrected. @param {string} id of the script's job */
export const forgetCorrections = (id) => savePreference(keyOf(id), undefined);

export class Corrections {
  /** @param {string} id of the script's job @param {Script} script */
  constructor(id, script) {
    this.id = id;
    this.script = script;
    const kept = /** @type {Partial<Kept>} */ (loadPreference(keyOf(id), {}));
    /** @type {Kept} */
    this.kept = { edits: {}, heard: {}, film: "", ...kept, options: { ...OPTIONS, ...kept.options } };
    this.bus = new EventTarget();
  }

  /** Calls back after every change. @param {AbortSignal} signal @param {() => void} callback */
  watch(signal, callback) {
    this.bus.addEventListener("change", callback, { signal });
  }

  changed() {
    savePreference(keyOf(this.id), this.kept);
    this.bus.dispatchEvent(new Event("change"));
  }

  /** @param {Sentence} s */
  translation(s) {
    return this.kept.edits[s.index]?.translation ?? s.translation ?? "";
  }

  /** @param {Sentence} s */
  isOut(s) {
    return this.kept.edits[s.index]?.is_out ?? false;
  }

  /** @param {Sentence} s */
  isChanged(s) {
    return this.isOut(s) || this.translation(s) !== (s.translation ?? "");
  }

  /** @param {Sentence} s @param {Edit} change */
  edit(s, change) {
    const { edits } = this.kept;
    edits[s.index] = { ...edits[s.index], ...change };
    if (!this.isChanged(s)) delete edits[s.index];
    this.changed();
  }

  /** As it was translated. @param {Sentence} s */
  reset(s) {
    delete this.kept.edits[s.index];
    this.changed();
  }

  /** It was listened to. @param {Sentence} s @param {string} text @param {number} spoken_s */
  heard(s, text, spoken_s) {
    this.kept.heard[s.index] = { text, spoken_s };
    this.changed();
  }

  /** @param {Partial<FilmOptions>} change */
  choose(change) {
    Object.assign(this.kept.options, change);
    this.changed();
  }

  /** @param {string} id of the job that makes the film */
  made(id) {
    this.kept.film = id;
    this.changed();
  }

  /** @param {Sentence} s @returns {Fitting} */
  fitting(s) {
    const said = this.translation(s).trim();
    if (this.isOut(s) || !said) return { kind: "silent", spoken_s: null, speed: 1, over_s: 0 };
    const heard = this.kept.heard[s.index];
    if (heard?.text === said) return fittingOf(heard.spoken_s, s);
    const spoken_s = s.spoken_s ?? null;
    if (said !== (s.translation ?? "").trim() || spoken_s === null)
      return { kind: "unheard", spoken_s: null, speed: 1, over_s: 0 };
    return { ...fittingOf(spoken_s, s), ...(s.speed ? serversFit(s, spoken_s) : {}) };
  }

  /** Terms of the glossary that the sentence has and its translation has not. @param {Sentence} s */
  missedTerms(s) {
    const said = this.translation(s).toLowerCase();
    if (this.isOut(s) || !said.trim()) return [];
    const terms = this.script.glossary ?? [];
    const text = s.text.toLowerCase();
    return terms.filter(
      ({ source, target }) => text.includes(source.toLowerCase()) && !said.includes(target.toLowerCase()),
    );
  }

  /** What is sent for the film. */
  sentences() {
    return this.script.sentences.map((s) => ({
      start_s: s.start_s,
      end_s: s.end_s,
      text: s.text,
      translation: this.isOut(s) ? "" : this.translation(s).trim(),
    }));
  }
}

/** @param {number} spoken_s @param {Sentence} sentence @returns {Fitting} */
function fittingOf(spoken_s, { slot_s, start_s, end_s }) {
  const over_s = Math.max(0, spoken_s / FASTEST - slot_s);
  if (over_s > 0) return { kind: "long", spoken_s, speed: FASTEST, over_s };
  if (spoken_s > slot_s) return { kind: "fast", spoken_s, speed: spoken_s / slot_s, over_s: 0 };
  const share = spoken_s / (end_s - start_s);
  if (share < SLOWEST) return { kind: "slow", spoken_s, speed: SLOWEST, over_s: 0 };
  return { kind: "fits", spoken_s, speed: 1, over_s: 0 };
}

/** What the server found itself. @param {Sentence} sentence @param {number} spoken_s @returns {Partial<Fitting>} */
function serversFit({ fit, speed = 1, slot_s }, spoken_s) {
  if (!fit) return {};
  const kind = fit === "fits" && speed < 1 ? "slow" : fit;
  return { kind, speed, over_s: kind === "long" ? Math.max(0, spoken_s / FASTEST - slot_s) : 0 };
}
