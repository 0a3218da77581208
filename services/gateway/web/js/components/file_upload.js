// @ts-check
// Uploading a file, with its progress on the page.

import { fileTooLarge, upload } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { formatBytes } from "../core/format.js";
import { latestSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { isAbort, problemCard } from "./problem_card.js";
import { progressBar } from "./progress_bar.js";

/**
 * Uploads a file. `place` shows the progress, a cancel button, and the problem if it fails.
 * @param {HTMLElement} place
 * @param {File} file
 * @param {{path?: string, fields?: Record<string, string>, back: () => void, signal: AbortSignal}} options
 * `back`: the user cancelled or wants another file
 * @returns {Promise<any | null>} the response (an asset unless `path` differs); `null` when cancelled or failed
 */
export async function uploadFile(place, file, { path = "/assets", fields = {}, back, signal }) {
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  const card = uploadCard(file, () => stop.abort());
  fill(place, card.el);
  card.progress.set(0);
  try {
    // the server would close the connection of a file over its limit, and its response would be lost
    const limit = latestSystem()?.limits.upload_bytes ?? Infinity;
    if (file.size > limit) throw fileTooLarge(formatBytes(limit));
    return await upload(path, { file, ...fields }, { signal: stop.signal, onprogress: card.onprogress });
  } catch (error) {
    if (signal.aborted) return null;
    if (isAbort(error)) back();
    else {
      const again = button({ icon: "swap", label: t("file.other"), onclick: back });
      fill(place, h("div", { class: "stack" }, problemCard(error, { retry: undefined }), h("div", null, again)));
    }
    return null;
  }
}

/** @param {File} file @param {() => void} oncancel */
function uploadCard(file, oncancel) {
  const progress = progressBar(t("file.sending", { name: file.name }));
  const status = h("span", { class: "num small-text muted" }, formatBytes(file.size));
  const cancel = button({ icon: "close", label: t("cancel"), bare: true, kind: "small", onclick: oncancel });
  const head = h("div", { class: "row apart" }, h("span", { class: "clip" }, file.name), cancel);
  const onprogress = (/** @type {number} */ sent, /** @type {number} */ total) => {
    progress.set(sent >= total ? null : sent / total);
    status.textContent = sent >= total ? t("file.checking") : `${formatBytes(sent)} / ${formatBytes(total)}`;
  };
  return { el: h("div", { class: "card sending" }, head, progress.el, status), progress, onprogress };
}
