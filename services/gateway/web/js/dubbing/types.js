// @ts-check
// Types of dubbing (docs/dubbing.md), for the type checker only.

/** @typedef {{source: string, target: string}} Term a name or term, and how it is translated */
/** @typedef {"fits" | "fast" | "long"} Fit */
/**
 * @typedef {object} Sentence
 * @property {number} index
 * @property {number} start_s
 * @property {number} end_s
 * @property {number} slot_s how long the dubbed one may take
 * @property {string} text
 * @property {string | null} [translation] none before it is translated
 * @property {number | null} [spoken_s] at speed 1; none before it is spoken
 * @property {number} [speed]
 * @property {Fit | null} [fit]
 * @property {string[]} [warnings]
 */
/**
 * @typedef {object} Script the result of the script's job
 * @property {string} film_asset_id
 * @property {string} language
 * @property {string} source_language
 * @property {string | null} voice_id
 * @property {number} duration_s
 * @property {Term[]} glossary
 * @property {{speed?: number, seed?: number} | null} [synthesis]
 * @property {Sentence[]} sentences
 * @property {import("../speech/text_warnings.js").TextWarning[]} [warnings]
 * @property {import("../core/types.js").Fallback[]} [fallbacks]
 */
/**
 * @typedef {object} FilmOptions
 * @property {"keep" | "drop"} background what else is heard in the film
 * @property {boolean} burn subtitles in the picture
 * @property {boolean} second the original sentences beneath
 * @property {boolean} restore the operator's face restorer goes over the film
 */
/** @typedef {{translation?: string, is_out?: boolean}} Edit */
/**
 * How a sentence as it is now fits its time.
 * @typedef {object} Fitting
 * @property {Fit | "slow" | "silent" | "unheard"} kind
 * @property {number | null} spoken_s
 * @property {number} speed
 * @property {number} over_s how much it is too long even at the fastest
 */

export {};
