// @ts-check
// Jobs in words: title, stage, time left, and the page that shows them.
import { formatSeconds } from "../core/format.js";
import { t, term } from "../i18n/translate.js";
import * as jobs from "./job_store.js";

/** @typedef {import("../core/types.js").Job} Job */

/** What a job says first, or empty. @param {Job} job @returns {string} */
export const jobWords = ({ params, partial, result }) =>
  params.text ||
  params.scenes?.find((/** @type {any} */ s) => s.text)?.text ||
  params.dubbing?.sentences?.find((/** @type {any} */ s) => s.translation)?.translation ||
  (result?.sentences ?? partial?.sentences)?.[0]?.text ||
  "";

/** @param {Job} job */
const dubbingTitle = ({ params }) =>
  t("dubbing.title", { language: term("language", String(params.language).split("-")[0]) });

/** A short title of a job. @param {Job} job */
export function jobTitle(job) {
  const words = jobWords(job) || job.partial?.transcript || job.params.name || "";
  const kind = job.kind === "dubbing" ? dubbingTitle(job) : t(`kind.${job.kind}`);
  return words ? `${kind} · ${words}` : kind;
}

/** The page that shows a job. @param {Job} job @returns {string} */
export function jobUrl(job) {
  if (job.kind === "dialogue") {
    const conversation = job.result?.conversation_id ?? job.params.conversation_id;
    return conversation
      ? `/chat_system?c=${encodeURIComponent(conversation)}`
      : `/chat_system?job=${encodeURIComponent(job.id)}`;
  }
  if (job.kind === "dubbing") return `/dubbing?job=${encodeURIComponent(job.id)}`;
  const { dubbing } = job.params;
  if (dubbing) return `/dubbing?job=${encodeURIComponent(dubbing.job_id)}&film=${encodeURIComponent(job.id)}`;
  if (job.kind === "video") return `/video_generation?job=${encodeURIComponent(job.id)}`;
  if (job.kind === "avatar") return "/avatars";
  return `/model_training?job=${encodeURIComponent(job.id)}`;
}

/** The current stage in words. @param {Job} job */
export function stageText(job) {
  if (jobs.isFinished(job)) return t(`state.${job.state}`);
  if (job.stage.startsWith("waiting-for-")) return t("stage.waiting", { service: t(`service.${job.stage.slice(12)}`) });
  if (job.state === "queued")
    return job.queue_position ? t("queue.position", { n: job.queue_position }) : t("state.queued");
  if (job.kind === "dubbing" && job.stage === "llm") return t("stage.translate");
  return job.stage ? term("stage", job.stage) : t("state.running");
}

/** The time left in words, or empty when unknown. @param {Job} job */
export const timeLeftText = (job) =>
  job.state === "running" && job.eta_s !== null ? t("time.left", { time: formatSeconds(job.eta_s) }) : "";
