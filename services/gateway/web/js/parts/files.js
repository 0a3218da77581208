// @ts-check
// Files coming in: by button, by drag and drop, by paste, or from the microphone, and on to the server with progress.
import { tooLarge, upload } from "../core/api.js";
import { button, fill, h, icon } from "../core/dom.js";
import { system } from "../core/facts.js";
import { bytes } from "../core/format.js";
import { t } from "../core/i18n.js";
import { bar } from "./bits.js";
import { isAbort, problemCard } from "./say.js";

/** @typedef {import("../core/types.js").Asset} Asset */

/** Kinds of files as the server takes them; the server looks inside, this only helps to choose. */
export const ACCEPT = {
  video: "video/*,.mkv,.mov,.avi",
  audio: "audio/*,.wav,.mp3,.flac,.m4a,.ogg",
  person: "video/*,.mkv,.mov,.avi,image/png,image/jpeg,image/webp",
};

/** Opens the system's file chooser. @param {string} accept @param {(file: File) => void} chosen */
export function chooseFile(accept, chosen) {
  const input = h("input", { type: "file", accept, on: { change: () => input.files?.[0] && chosen(input.files[0]) } });
  input.click();
}

/**
 * Lets files be dropped on `el` and pasted anywhere while it is shown.
 * @param {HTMLElement} el @param {AbortSignal} signal @param {(file: File) => void} took
 */
export function takesFiles(el, signal, took) {
  let depth = 0;
  const over = (/** @type {number} */ d) => {
    depth = d;
    el.classList.toggle("over", depth > 0);
  };
  const hasFile = (/** @type {DragEvent} */ e) => [...(e.dataTransfer?.types ?? [])].includes("Files");
  el.addEventListener("dragenter", (e) => hasFile(e) && over(depth + 1), { signal });
  el.addEventListener("dragleave", (e) => hasFile(e) && over(Math.max(0, depth - 1)), { signal });
  el.addEventListener("dragover", (e) => hasFile(e) && e.preventDefault(), { signal });
  el.addEventListener(
    "drop",
    (e) => {
      if (!hasFile(e)) return;
      e.preventDefault();
      over(0);
      const file = e.dataTransfer?.files[0];
      if (file) took(file);
    },
    { signal },
  );
  document.addEventListener(
    "paste",
    (e) => {
      const file = e.clipboardData?.files[0];
      if (!file || !el.checkVisibility()) return;
      e.preventDefault();
      took(file);
    },
    { signal },
  );
}

/** A drop anywhere else must not make the browser leave the page. */
export function guardDrops() {
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (e) => e.preventDefault());
}

/**
 * A place to drop a file on, with a button for those who would rather choose.
 * @param {{accept: string, title: string, help: string, signal: AbortSignal, took: (file: File) => void, extra?: Node | null, icon?: string}} o
 */
export function dropZone({ accept, title, help, signal, took, extra = null, icon: name = "upload" }) {
  const el = h(
    "div",
    { class: "drop" },
    icon(name, "large"),
    h("p", null, title),
    h(
      "div",
      { class: "row wrap" },
      button({ icon: "file", label: t("file.choose"), onclick: () => chooseFile(accept, took) }),
      extra,
    ),
    h("p", { class: "small-text muted" }, help),
  );
  takesFiles(el, signal, took);
  return el;
}

/**
 * Sends a file into `place`, which shows the progress, a way to stop, and what went wrong.
 * @param {HTMLElement} place @param {File} file
 * @param {{path?: string, fields?: Record<string, string>, back: () => void, signal: AbortSignal}} o `back`: the person gave up or wants another file
 * @returns {Promise<any | null>} the server's answer (an asset unless `path` says otherwise); null when it came to nothing
 */
export async function send(place, file, { path = "/assets", fields = {}, back, signal }) {
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  const progress = bar(t("file.sending", { name: file.name }));
  const told = h("span", { class: "num small-text muted" }, bytes(file.size));
  fill(
    place,
    h(
      "div",
      { class: "card sending" },
      h(
        "div",
        { class: "row apart" },
        h("span", { class: "clip" }, file.name),
        button({ icon: "close", label: t("cancel"), bare: true, kind: "small", onclick: () => stop.abort() }),
      ),
      progress.el,
      told,
    ),
  );
  progress.set(0);
  try {
    const most = system()?.limits.upload_bytes ?? Infinity;
    if (file.size > most) throw tooLarge(bytes(most)); // the server would close the connection, and its answer be lost
    return await upload(
      path,
      { file, ...fields },
      {
        signal: stop.signal,
        onprogress: (sent, total) => {
          progress.set(sent >= total ? null : sent / total);
          told.textContent = sent >= total ? t("file.checking") : `${bytes(sent)} / ${bytes(total)}`;
        },
      },
    );
  } catch (error) {
    if (signal.aborted) return null;
    if (isAbort(error)) back();
    else
      fill(
        place,
        h(
          "div",
          { class: "stack" },
          problemCard(error, { retry: undefined }),
          h("div", null, button({ icon: "swap", label: t("file.other"), onclick: back })),
        ),
      );
    return null;
  }
}
