// @ts-check
// All jobs that the page knows, updated by one event stream (`GET /events`). Pages watch; nothing polls.
import { checkSession } from "../core/account.js";
import { call, get, list } from "../core/api.js";
import { language } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../core/types.js").Fallback} Fallback */
/** @typedef {typeof STREAMED_TYPES[number]} StreamedType */
/** @typedef {{type: "snapshot" | StreamedType, job: Job}} JobEvent */

/** Events of one job in the stream. */
const STREAMED_TYPES = /** @type {const} */ ([
  "progress",
  "transcript",
  "reply",
  "clause",
  "scene",
  "sentence",
  "fallback",
  "warning",
  "timing",
  "video",
  "training",
  "done",
]);
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 20_000;

/** Longest loss curve kept. The server sends a long curve thinned out with the next snapshot. */
const MAX_POINTS = 2000;

/** Requests for one job while its events come faster than answers. */
const MOST_FETCHES = 5;

/** @type {Map<string, Job>} */
const jobsById = new Map();

/** How many events have come, by job. @type {Map<string, number>} */
const eventsOf = new Map();

/** Jobs that are being fetched since an event named them. @type {Map<string, Promise<Job>>} */
const arriving = new Map();
const bus = new EventTarget();

/** @type {EventSource | null} */
let source = null;
let attempts = 0;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
let connected = true;

/** Unfinished jobs, oldest first. */
export const active = () =>
  [...jobsById.values()].filter((j) => !isFinished(j)).sort((a, b) => a.created_at.localeCompare(b.created_at));

/** @param {Job} job */
export const isFinished = (job) => job.state === "succeeded" || job.state === "failed" || job.state === "cancelled";

/** Whether the event stream is connected (assumed until the first loss). */
export const isOnline = () => connected;

/** @param {string} id @returns {Job | undefined} */
export const find = (id) => jobsById.get(id);

/**
 * Calls back on every event of every job (or of `only`) until `signal` aborts.
 * @param {AbortSignal} signal @param {(e: JobEvent) => void} callback @param {(job: Job) => boolean} [only]
 */
export function watch(signal, callback, only = () => true) {
  bus.addEventListener(
    "job",
    (e) => {
      const event = /** @type {CustomEvent<JobEvent>} */ (e).detail;
      if (only(event.job)) callback(event);
    },
    { signal },
  );
}

/**
 * Calls back when the event stream is lost or connected again.
 * @param {AbortSignal} signal
 * @param {(up: boolean) => void} callback
 */
export const watchConnection = (signal, callback) =>
  bus.addEventListener("connection", () => callback(connected), { signal });

/**
 * Calls `draw` with a job now and on each of its events until `signal` aborts.
 * @param {Job} job
 * @param {AbortSignal} signal
 * @param {(job: Job) => void} draw
 * @param {() => boolean} [enabled] checked at each event
 */
export function follow(job, signal, draw, enabled = () => true) {
  draw(job);
  watch(
    signal,
    (e) => draw(e.job),
    (j) => j.id === job.id && enabled(),
  );
}

/**
 * Stores the job that a request has made. Where its events were faster than the answer, more is known already.
 * @param {Job} job @returns {Job}
 */
export const created = (job) => jobsById.get(job.id) ?? store(job);

/**
 * Stores a job as it is. What was overtaken by the job's end changes nothing.
 * @param {Job} job @param {JobEvent["type"]} [type] @returns {Job}
 */
export function store(job, type = "snapshot") {
  const known = jobsById.get(job.id);
  if (known && isFinished(known) && !isFinished(job)) return known;
  const now = { ...job, playable: job.state === "succeeded" || known?.playable };
  if ((job.partial?.timings_ms ?? {}).render_first_frame !== undefined) now.playable = true;
  jobsById.set(job.id, now);
  publish(type, now);
  return now;
}

/**
 * Fetches a job; again, when events of it came meanwhile: the answer may be older than they are.
 * @param {string} id @param {AbortSignal} [signal] @returns {Promise<Job>}
 */
export async function fetchJob(id, signal) {
  for (let tries = 1; ; tries += 1) {
    const before = eventsOf.get(id);
    const job = await get(`/jobs/${encodeURIComponent(id)}`, signal);
    if (isFinished(job) || eventsOf.get(id) === before || tries === MOST_FETCHES) return store(job);
  }
}

/** A job that was made elsewhere, or whose answer is still on its way. @param {string} id */
function discover(id) {
  const fetched = arriving.get(id) ?? fetchJob(id).finally(() => arriving.delete(id));
  arriving.set(id, fetched);
  return fetched;
}

/** Requests cancellation; the event stream reports the end. @param {string} id */
export const cancel = async (id) => store(await call("DELETE", `/jobs/${encodeURIComponent(id)}`));

/** Removes a finished job and its files. @param {string} id */
export async function remove(id) {
  await call("DELETE", `/jobs/${encodeURIComponent(id)}?forget=true`);
  jobsById.delete(id);
  eventsOf.delete(id);
}

/** @param {JobEvent["type"]} type @param {Job} job */
function publish(type, job) {
  bus.dispatchEvent(new CustomEvent("job", { detail: { type, job } }));
}

/** Opens the stream, now and whenever the page becomes visible. A hidden page holds no connection. */
export function startEventStream() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  document.addEventListener("language", () => {
    close();
    open();
  });
  addEventListener("online", open);
  document.addEventListener("sign-in-needed", close);
  document.addEventListener("signed-in", open);
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
    attempts = 0;
    setConnected(true);
  };
  source.onerror = () => {
    close();
    setConnected(false);
    checkSession(); // an event stream does not say why it was refused
    retry = setTimeout(open, Math.min(FIRST_WAIT_MS * 2 ** attempts, MAX_WAIT_MS) * (0.75 + Math.random() / 2));
    attempts += 1;
  };
  source.addEventListener("snapshot", (e) => void handleSnapshot(JSON.parse(e.data)));
  for (const type of STREAMED_TYPES) {
    source.addEventListener(type, (e) => void handleEvent(type, JSON.parse(e.data)));
  }
}

/** @param {boolean} up */
function setConnected(up) {
  if (up === connected) return;
  connected = up;
  bus.dispatchEvent(new Event("connection"));
}

/** @param {{jobs: Job[]}} data */
async function handleSnapshot({ jobs }) {
  const ids = new Set(jobs.map((j) => j.id));
  const ended = active().filter((j) => !ids.has(j.id));
  for (const job of jobs) store(job);
  for (const job of ended)
    await fetchJob(job.id).then(
      (j) => publish("done", j),
      () => jobsById.delete(job.id),
    );
}

/** @param {StreamedType} type @param {any} data */
async function handleEvent(type, data) {
  if (type === "done") return void store(data, "done");
  eventsOf.set(data.id, (eventsOf.get(data.id) ?? 0) + 1);
  const before = jobsById.get(data.id);
  if (!before) return void (await discover(data.id).catch(() => {})); // the answer includes this event
  if (isFinished(before)) return;
  const job = applyEvent(before, type, data);
  jobsById.set(job.id, job);
  publish(type, job);
}

/** The job after an event. @param {Job} before @param {StreamedType} type @param {any} data @returns {Job} */
function applyEvent(before, type, data) {
  const { id: _id, kind: _kind, ...news } = data;
  const partial = { ...before.partial };
  const job = { ...before, partial };
  if (type === "progress") Object.assign(job, data);
  else if (type === "transcript") Object.assign(partial, { transcript: news.text, language: news.language });
  else if (type === "reply") partial.reply = news.text;
  else if (type === "clause") {
    const { index, text, start_s, end_s } = news;
    partial.clauses = [...(partial.clauses ?? []).filter((c) => c.index < index), { index, text, start_s, end_s }];
  } else if (type === "scene") partial.scenes = mergeByIndex(partial.scenes ?? [], news);
  else if (type === "sentence") partial.sentences = mergeByIndex(partial.sentences ?? [], news);
  else if (type === "fallback") partial.fallbacks = mergeFallback(partial.fallbacks ?? [], news);
  else if (type === "warning") partial.warnings = mergeWarning(partial.warnings ?? [], news);
  else if (type === "training") mergeTraining(partial, news);
  else if (type === "timing") partial.timings_ms = { ...partial.timings_ms, [news.stage]: news.ms };
  else {
    Object.assign(job, { playable: true, video_url: news.url });
    partial.start_frame = news.start_frame;
  }
  return job;
}

/** @template {{index: number}} T @param {T[]} known @param {T} next */
const mergeByIndex = (known, next) =>
  [...known.filter(({ index }) => index !== next.index), next].sort((a, b) => a.index - b.index);

/** A second attempt reports the same again. @param {any[]} known @param {any} next */
const mergeWarning = (known, next) => [
  ...known.filter(({ reason, text }) => reason !== next.reason || text !== next.text),
  next,
];

/** A second attempt reports the same fallback again. @param {Fallback[]} known @param {Fallback} next */
const mergeFallback = (known, next) => [
  ...known.filter((f) => f.service !== next.service || f.wanted !== next.wanted),
  next,
];

/**
 * Merges a training event into the known state.
 * @param {import("../core/types.js").JobPartial} partial
 * @param {any} news
 */
function mergeTraining(partial, news) {
  Object.assign(partial, news);
  if (news.loss === undefined) return;
  const points = (partial.history ?? []).filter((p) => p.step < news.step); // a resumed training repeats steps
  const point = { step: news.step, loss: news.loss, validation_loss: news.validation_loss ?? null };
  partial.history = [...points, point].slice(-MAX_POINTS);
}

/**
 * Fetches jobs, finished ones included, and stores them.
 * @param {string} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<Job[]>}
 */
export async function fetchJobs(query, signal) {
  return (await list(`/jobs?${query}`, signal)).map((j) => store(j));
}
