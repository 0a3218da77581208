// @ts-check
// Batches in words, and their types.
import { pill } from "../components/layout.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").ProblemBody} ProblemBody */
/** @typedef {string | number | boolean | null} Cell */
/**
 * @typedef {object} Batch
 * @property {string} id
 * @property {string} name
 * @property {"running" | "succeeded" | "failed" | "cancelled"} state
 * @property {Record<string, number>} counts rows by state
 * @property {number} total
 * @property {ProblemBody | null} held_by
 * @property {string} created_at
 */
/**
 * @typedef {object} BatchRow
 * @property {number} number
 * @property {string} name
 * @property {Record<string, Cell>} cells
 * @property {string} state
 * @property {number} progress
 * @property {string | null} job_id
 * @property {ProblemBody | null} error
 * @property {number | null} duration_s
 * @property {string | null} video_url
 */
/** @typedef {Batch & {columns: string[], rows: BatchRow[]}} BatchDetail */

/** @type {Record<string, string>} */
const LOOKS = { succeeded: "good", failed: "bad", running: "warn", cancelled: "plain", deleted: "plain" };

/** @param {string} state of a row or a batch */
export const statePill = (state) => pill(t(`batch.state.${state}`), LOOKS[state] ?? "");

/** @param {Batch} batch */
export const batchTitle = (batch) => batch.name || t("batch.unnamed");

/** How many rows are made. @param {Batch} batch */
export const doneText = ({ counts, total }) => t("batch.done_of", { done: counts.succeeded ?? 0, total });
