// @ts-check
// All jobs this page knows, kept true by one event stream (`GET /events`). Pages watch; nothing polls.
import { call, get, list } from "./api.js";
import { language } from "./i18n.js";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {{type: "snapshot" | "progress" | "transcript" | "reply" | "clause" | "fallback" | "timing" | "video" | "training" | "done", job: Job}} JobEvent */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 20_000;
/** The server thins a long curve and sends it whole with the next snapshot. */
const MOST_POINTS = 2000;

/** @type {Map<string, Job>} */
const known = new Map();
const bus = new EventTarget();
/** @type {EventSource | null} */
let source = null;
let waits = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
let connected = true;

/** Jobs not yet over, oldest first. */
export const active = () =>
  [...known.values()].filter((j) => !over(j)).sort((a, b) => a.created_at.localeCompare(b.created_at));

/** @param {Job} job */
export const over = (job) => job.state === "succeeded" || job.state === "failed" || job.state === "cancelled";

/** Whether the event stream is up (assumed until the first loss). */
export const online = () => connected;

/** @param {string} id @returns {Job | undefined} */
export const peek = (id) => known.get(id);

/**
 * Calls back on every event of every job (or of `only`) until `signal` aborts.
 * @param {AbortSignal} signal @param {(e: JobEvent) => void} told @param {(job: Job) => boolean} [only]
 */
export function watch(signal, told, only = () => true) {
  bus.addEventListener(
    "job",
    (e) => {
      const event = /** @type {CustomEvent<JobEvent>} */ (e).detail;
      if (only(event.job)) told(event);
    },
    { signal },
  );
}

/** Calls back when the connection to the server is lost or found. @param {AbortSignal} signal @param {(up: boolean) => void} told */
export const watchConnection = (signal, told) => bus.addEventListener("connection", () => told(connected), { signal });

/** Takes in a job that a call has answered. @param {Job} job @param {JobEvent["type"]} [type] @returns {Job} */
export function learn(job, type = "snapshot") {
  const now = { ...job, playable: job.state === "succeeded" || known.get(job.id)?.playable };
  if ((job.partial?.timings_ms ?? {}).render_first_frame !== undefined) now.playable = true;
  known.set(job.id, now);
  tell(type, now);
  return now;
}

/** Reads a job afresh. @param {string} id @param {AbortSignal} [signal] @returns {Promise<Job>} */
export const read = async (id, signal) => learn(await get(`/jobs/${encodeURIComponent(id)}`, signal));

/** Asks to cancel; the event stream tells when it is done. @param {string} id */
export const cancel = async (id) => learn(await call("DELETE", `/jobs/${encodeURIComponent(id)}`));

/** Removes a finished job and its files. @param {string} id */
export async function forget(id) {
  await call("DELETE", `/jobs/${encodeURIComponent(id)}?forget=true`);
  known.delete(id);
}

/** @param {JobEvent["type"]} type @param {Job} job */
function tell(type, job) {
  bus.dispatchEvent(new CustomEvent("job", { detail: { type, job } }));
}

/** Opens the stream, now and whenever the page is looked at again; a hidden page holds no connection. */
export function start() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  document.addEventListener("language", () => {
    close();
    open();
  });
  addEventListener("online", open);
  open();
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function open() {
  if (document.hidden) return;
  close();
  source = new EventSource(`/api/v1/events?lang=${language()}`);
  source.onopen = () => {
    waits = 0;
    setConnected(true);
  };
  source.onerror = () => {
    close();
    setConnected(false);
    retry = setTimeout(open, Math.min(FIRST_WAIT_MS * 2 ** waits, LONGEST_WAIT_MS) * (0.75 + Math.random() / 2));
    waits += 1;
  };
  source.addEventListener("snapshot", (e) => void snapshot(JSON.parse(e.data)));
  for (const type of /** @type {const} */ ([
    "progress",
    "transcript",
    "reply",
    "clause",
    "fallback",
    "timing",
    "video",
    "training",
    "done",
  ])) {
    source.addEventListener(type, (e) => void hear(type, JSON.parse(e.data)));
  }
}

/** @param {boolean} up */
function setConnected(up) {
  if (up === connected) return;
  connected = up;
  bus.dispatchEvent(new Event("connection"));
}

/** @param {{jobs: Job[]}} data */
async function snapshot({ jobs }) {
  const ids = new Set(jobs.map((j) => j.id));
  const ended = active().filter((j) => !ids.has(j.id));
  for (const job of jobs) learn(job);
  for (const job of ended)
    await read(job.id).then(
      (j) => tell("done", j),
      () => known.delete(job.id),
    );
}

/** @param {Exclude<JobEvent["type"], "snapshot">} type @param {any} data */
async function hear(type, data) {
  if (type === "done") return void learn(data, "done");
  const before = known.get(data.id);
  if (!before) return void (await read(data.id).catch(() => {})); // made elsewhere; its answer holds this event too
  if (over(before)) return;
  const partial = { ...before.partial };
  const job = { ...before, partial };
  if (type === "progress") Object.assign(job, data);
  else if (type === "transcript") Object.assign(partial, { transcript: data.text, language: data.language });
  else if (type === "reply") partial.reply = data.text;
  else if (type === "clause") {
    const { index, text, start_s, end_s } = data;
    partial.clauses = [...(partial.clauses ?? []).filter((c) => c.index < index), { index, text, start_s, end_s }];
  } else if (type === "fallback") {
    const { id: _id, kind: _kind, ...fallback } = data;
    const same = (/** @type {import("./types.js").Fallback} */ f) =>
      f.service === fallback.service && f.wanted === fallback.wanted;
    partial.fallbacks = [...(partial.fallbacks ?? []).filter((f) => !same(f)), fallback]; // a second attempt tells it again
  } else if (type === "training") train(partial, data);
  else if (type === "timing") partial.timings_ms = { ...partial.timings_ms, [data.stage]: data.ms };
  else {
    Object.assign(job, { playable: true, video_url: data.url });
    partial.start_frame = data.start_frame;
  }
  known.set(job.id, job);
  tell(type, job);
}

/** Takes what is new of a training into what is known of it. @param {import("./types.js").Partial_} partial @param {any} data */
function train(partial, { id: _id, kind: _kind, ...told }) {
  Object.assign(partial, told);
  if (told.loss === undefined) return;
  const points = (partial.history ?? []).filter((p) => p.step < told.step); // a resumed training repeats steps
  partial.history = [
    ...points,
    { step: told.step, loss: told.loss, validation_loss: told.validation_loss ?? null },
  ].slice(-MOST_POINTS);
}

/** Finished and running jobs from the server. @param {string} query @param {AbortSignal} [signal] @returns {Promise<Job[]>} */
export async function fetchJobs(query, signal) {
  return (await list(`/jobs?${query}`, signal)).map((j) => learn(j));
}
