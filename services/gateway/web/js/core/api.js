// @ts-check
// Calls of the REST API. Every failure, a lost connection included, is a `Problem` with a readable text.
import { language, t } from "../i18n/translate.js";

/** @typedef {import("./types.js").ProblemBody} ProblemBody */

const BASE = "/api/v1";
const TIMEOUT_MS = 30_000;
const SPEECH_TIMEOUT_MS = 120_000;

/** For requests with a consent clip, which is listened to and looked at before the answer. */
export const CHECK_TIMEOUT_MS = 300_000;

/** A failure in the form of RFC 9457. */
export class Problem extends Error {
  /** @param {ProblemBody} body */
  constructor(body) {
    super(body.title);
    this.body = body;
  }
}

/**
 * A problem that the page itself found.
 * @param {"network" | "slow" | "answer"} reason
 * @param {number} [status]
 * @param {string} [request_id]
 */
const localProblem = (reason, status = 0, request_id = "") =>
  new Problem({
    title: t(`problem.${reason}.title`),
    detail: t(`problem.${reason}.detail`, { status }),
    hint: t(`problem.${reason}.hint`),
    reason,
    status,
    retryable: true,
    request_id,
  });

/** The problem of a file over the server's limit. @param {string} limit formatted size */
export const fileTooLarge = (limit) =>
  new Problem({
    title: t("problem.large.title"),
    detail: t("problem.large.detail", { limit }),
    hint: t("problem.large.hint"),
    reason: "too-large",
    status: 413,
    retryable: false,
  });

/** Turns anything that was thrown into a problem. @param {unknown} error @returns {ProblemBody} */
export function problemOf(error) {
  if (error instanceof Problem) return error.body;
  console.error(error);
  return {
    title: t("problem.page.title"),
    detail: String(error),
    hint: t("problem.page.hint"),
    reason: "page",
    status: 0,
  };
}

/** Tells the page when a refusal means that nobody is signed in any more. @param {string | undefined} reason */
export function reportSignedOut(reason) {
  if (reason === "sign-in-needed") document.dispatchEvent(new CustomEvent("sign-in-needed"));
}

/** The problem in an error response. @param {string} text @param {number} status @param {string | null} request_id */
function responseProblem(text, status, request_id) {
  try {
    const body = JSON.parse(text);
    if (body && typeof body.title === "string") {
      reportSignedOut(body.reason);
      return new Problem(body);
    }
  } catch {
    // Not JSON, a proxy's page for example: reported as an unexpected answer below.
  }
  return localProblem("answer", status, request_id ?? "");
}

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {{body?: unknown, signal?: AbortSignal, key?: string, timeout_ms?: number}} [options]
 * `key`: idempotency key, the same for every retry of one action
 * @returns {Promise<any>}
 */
export async function call(method, path, { body, signal, key, timeout_ms = TIMEOUT_MS } = {}) {
  const timeout = AbortSignal.timeout(timeout_ms);
  /** @type {Record<string, string>} */
  const headers = { "Accept-Language": language() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  /** @type {Response} */
  let answer;
  let text;
  try {
    answer = await fetch(BASE + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw localProblem(timeout.aborted ? "slow" : "network");
  }
  if (!answer.ok) throw responseProblem(text, answer.status, answer.headers.get("X-Request-Id"));
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw localProblem("answer", answer.status, answer.headers.get("X-Request-Id") ?? "");
  }
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => call("GET", path, { signal });

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any[]>} */
export const list = async (path, signal) => (await get(path, signal)).items;

/**
 * Creates a resource. The idempotency key makes a repeated request harmless.
 * @param {string} path
 * @param {unknown} body
 * @param {string} key
 * @param {number} [timeout_ms]
 */
export const create = (path, body, key, timeout_ms) => call("POST", path, { body, key, timeout_ms });

/**
 * A function that creates resources with idempotency keys. The same body after a lost answer reuses the key; another
 * body, or the same body after an answer, gets a new key.
 * @param {string} path @param {number} [timeout_ms] @returns {(body: unknown) => Promise<any>}
 */
export function idempotentCreator(path, timeout_ms) {
  let sent = { body: "", key: "" };
  return async (body) => {
    const text = JSON.stringify(body);
    if (sent.body !== text) sent = { body: text, key: newIdempotencyKey() };
    const answer = await create(path, body, sent.key, timeout_ms);
    sent = { body: "", key: "" };
    return answer;
  };
}

/** An idempotency key for one action of the user. `crypto.randomUUID` is missing outside secure contexts. */
export function newIdempotencyKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/**
 * Uploads a form and reports progress, which `fetch` cannot do.
 * @param {string} path
 * @param {Record<string, string | Blob>} fields a Blob without a name gets "recording.wav"
 * @param {{onprogress?: (sent: number, total: number) => void, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export function upload(path, fields, { onprogress, signal } = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) form.append(name, value, value instanceof File ? value.name : "recording.wav");
    else form.append(name, value);
  }
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", BASE + path);
    xhr.setRequestHeader("Accept-Language", language());
    xhr.setRequestHeader("Idempotency-Key", newIdempotencyKey());
    xhr.upload.onprogress = (e) => onprogress?.(e.loaded, e.total);
    xhr.onload = () => {
      if (xhr.status < 300) resolve(JSON.parse(xhr.responseText));
      else reject(responseProblem(xhr.responseText, xhr.status, xhr.getResponseHeader("X-Request-Id")));
    };
    xhr.onerror = () => reject(localProblem("network"));
    xhr.onabort = () => reject(new DOMException("aborted", "AbortError"));
    signal?.addEventListener("abort", () => xhr.abort());
    xhr.send(form);
  });
}

/** Why a media URL could not be loaded. @param {string} url @returns {Promise<Problem>} */
export async function mediaProblem(url) {
  try {
    const answer = await fetch(url, { headers: { "Accept-Language": language() } });
    return answer.ok
      ? localProblem("answer", answer.status)
      : responseProblem(await answer.text(), answer.status, answer.headers.get("X-Request-Id"));
  } catch {
    return localProblem("network");
  }
}

/**
 * Synthesises speech as a WAV file. The server streams it with an unknown length in the header; the length is set here.
 * @param {unknown} body of `POST /speech` @param {AbortSignal} signal @returns {Promise<Blob>}
 */
export async function synthesizeSpeech(body, signal) {
  const timeout = AbortSignal.timeout(SPEECH_TIMEOUT_MS);
  try {
    const headers = { "Accept-Language": language(), "Content-Type": "application/json" };
    const answer = await fetch(`${BASE}/speech`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, timeout]),
    });
    if (!answer.ok) throw responseProblem(await answer.text(), answer.status, answer.headers.get("X-Request-Id"));
    const bytes = await answer.arrayBuffer();
    setWavLength(new DataView(bytes));
    return new Blob([bytes], { type: "audio/wav" });
  } catch (error) {
    if (error instanceof Problem || signal.aborted) throw error;
    throw localProblem(timeout.aborted ? "slow" : "network");
  }
}

/** Writes the lengths into the header of a WAV file, whose last chunk is the sound. @param {DataView} wav */
function setWavLength(wav) {
  const data = 0x64617461; // "data"
  let at = 12;
  while (at + 8 <= wav.byteLength && wav.getUint32(at) !== data) at += 8 + wav.getUint32(at + 4, true);
  wav.setUint32(4, wav.byteLength - 8, true);
  if (at + 8 <= wav.byteLength) wav.setUint32(at + 4, wav.byteLength - at - 8, true);
}

/**
 * A file that a POST answers with. It has no deadline: large ones take their time.
 * @param {string} path @param {unknown} body @returns {Promise<Blob>}
 */
export async function fetchFile(path, body) {
  const headers = { "Accept-Language": language(), "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(BASE + path, { method: "POST", headers, body: JSON.stringify(body) });
    if (answer.ok) return await answer.blob();
  } catch {
    throw localProblem("network");
  }
  throw responseProblem(await answer.text(), answer.status, answer.headers.get("X-Request-Id"));
}

/** A capability URL that downloads as an attachment. @param {string} url */
export const downloadUrl = (url) => `${url}${url.includes("?") ? "&" : "?"}download=1`;
