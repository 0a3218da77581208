// @ts-check
// Speaking to the REST API. Every failure, also a lost network, is a `Problem` that a person can read.
import { language, t } from "./i18n.js";

/** @typedef {import("./types.js").ProblemBody} ProblemBody */

const BASE = "/api/v1";
const SLOW_MS = 30_000;
const SPEECH_MS = 120_000;

/** A failure told as RFC 9457 tells it. */
export class Problem extends Error {
  /** @param {ProblemBody} body */
  constructor(body) {
    super(body.title);
    this.body = body;
  }
}

/** A problem found on this side. @param {"network" | "slow" | "answer"} reason @param {number} [status] @param {string} [request_id] */
const own = (reason, status = 0, request_id = "") =>
  new Problem({
    title: t(`problem.${reason}.title`),
    detail: t(`problem.${reason}.detail`, { status }),
    hint: t(`problem.${reason}.hint`),
    reason,
    status,
    retryable: true,
    request_id,
  });

/** A file that the server would refuse: told before it is sent. @param {string} limit in words */
export const tooLarge = (limit) =>
  new Problem({
    title: t("problem.large.title"),
    detail: t("problem.large.detail", { limit }),
    hint: t("problem.large.hint"),
    reason: "too-large",
    status: 413,
    retryable: false,
  });

/** What went wrong, as a problem, whatever was thrown. @param {unknown} error @returns {ProblemBody} */
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

/** @param {string} text @param {number} status @param {string | null} request_id */
function refused(text, status, request_id) {
  try {
    const body = JSON.parse(text);
    if (body && typeof body.title === "string") return new Problem(body);
  } catch {
    // Not JSON: a proxy's page, say. It is told as an odd answer below.
  }
  return own("answer", status, request_id ?? "");
}

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {{body?: unknown, signal?: AbortSignal, key?: string}} [options] `key`: the idempotency key; a retry of the same act must reuse it
 * @returns {Promise<any>}
 */
export async function call(method, path, { body, signal, key } = {}) {
  const timeout = AbortSignal.timeout(SLOW_MS);
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
    throw own(timeout.aborted ? "slow" : "network");
  }
  if (!answer.ok) throw refused(text, answer.status, answer.headers.get("X-Request-Id"));
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw own("answer", answer.status, answer.headers.get("X-Request-Id") ?? "");
  }
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => call("GET", path, { signal });

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any[]>} */
export const list = async (path, signal) => (await get(path, signal)).items;

/** Creates something; the key makes a repeated send harmless. @param {string} path @param {unknown} body @param {string} key */
export const create = (path, body, key) => call("POST", path, { body, key });

/**
 * Creating by the press of a button: pressing again after a lost answer repeats the same act (same key), another body is
 * another act, and so is the same body once it was answered.
 * @param {string} path @returns {(body: unknown) => Promise<any>}
 */
export function creator(path) {
  let sent = { body: "", key: "" };
  return async (body) => {
    const text = JSON.stringify(body);
    if (sent.body !== text) sent = { body: text, key: newKey() };
    const answer = await create(path, body, sent.key);
    sent = { body: "", key: "" };
    return answer;
  };
}

/** A key for one act of the person. `crypto.randomUUID` is missing outside secure contexts. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/**
 * Uploads a form with progress, which `fetch` cannot tell.
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
    xhr.setRequestHeader("Idempotency-Key", newKey());
    xhr.upload.onprogress = (e) => onprogress?.(e.loaded, e.total);
    xhr.onload = () => {
      if (xhr.status < 300) resolve(JSON.parse(xhr.responseText));
      else reject(refused(xhr.responseText, xhr.status, xhr.getResponseHeader("X-Request-Id")));
    };
    xhr.onerror = () => reject(own("network"));
    xhr.onabort = () => reject(new DOMException("aborted", "AbortError"));
    signal?.addEventListener("abort", () => xhr.abort());
    xhr.send(form);
  });
}

/** Why a link to media brought none. @param {string} url @returns {Promise<Problem>} */
export async function whyNot(url) {
  try {
    const answer = await fetch(url, { headers: { "Accept-Language": language() } });
    return answer.ok
      ? own("answer", answer.status)
      : refused(await answer.text(), answer.status, answer.headers.get("X-Request-Id"));
  } catch {
    return own("network");
  }
}

/**
 * Speech, whole. Its header tells no length as it comes, since the server does not know it yet; here it is put in.
 * @param {unknown} body of POST /speech @param {AbortSignal} signal @returns {Promise<Blob>}
 */
export async function speech(body, signal) {
  const timeout = AbortSignal.timeout(SPEECH_MS);
  try {
    const headers = { "Accept-Language": language(), "Content-Type": "application/json" };
    const answer = await fetch(`${BASE}/speech`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, timeout]),
    });
    if (!answer.ok) throw refused(await answer.text(), answer.status, answer.headers.get("X-Request-Id"));
    const bytes = await answer.arrayBuffer();
    const head = new DataView(bytes);
    head.setUint32(4, bytes.byteLength - 8, true);
    head.setUint32(40, bytes.byteLength - 44, true);
    return new Blob([bytes], { type: "audio/wav" });
  } catch (error) {
    if (error instanceof Problem || signal.aborted) throw error;
    throw own(timeout.aborted ? "slow" : "network");
  }
}

/** An attachment link for a capability URL. @param {string} url */
export const asDownload = (url) => `${url}${url.includes("?") ? "&" : "?"}download=1`;
