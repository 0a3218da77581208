// @ts-check
// File input by button, drag and drop, or paste.
import { button, h, icon } from "../core/dom.js";
import { t } from "../i18n/translate.js";

const FILMS = ".mkv,.mov,.avi,.flv,.wmv,.ts,.mts,.m2ts,.mpg";

/** File types for the file chooser. The server checks the contents. */
export const ACCEPT = {
  video: `video/*,${FILMS}`,
  audio: "audio/*,.wav,.mp3,.flac,.m4a,.ogg,.amr,.wma,.aiff,.aif,.caf",
  avatar: `video/*,${FILMS},image/*,.heic,.heif,.avif`,
};

/** Opens the system's file chooser. @param {string} accept @param {(file: File) => void} onfile */
export function chooseFile(accept, onfile) {
  const input = h("input", { type: "file", accept, on: { change: () => input.files?.[0] && onfile(input.files[0]) } });
  input.click();
}

/**
 * Accepts files that are dropped on `el`, or pasted anywhere while `el` is visible; the first of several takes what is
 * pasted.
 * @param {HTMLElement} el @param {AbortSignal} signal @param {(file: File) => void} onfile
 * @param {{paste?: boolean}} [options]
 */
export function acceptFiles(el, signal, onfile, { paste = true } = {}) {
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
      if (file) onfile(file);
    },
    { signal },
  );
  if (!paste) return;
  document.addEventListener(
    "paste",
    (e) => {
      const file = e.clipboardData?.files[0];
      if (!file || e.defaultPrevented || !el.checkVisibility()) return;
      e.preventDefault();
      onfile(file);
    },
    { signal },
  );
}

/** Keeps the browser from opening a file that is dropped outside a drop zone. */
export function guardDrops() {
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (e) => e.preventDefault());
}

/**
 * A drop zone with a button that opens the file chooser.
 * @param {{accept: string, title: string, help: string, signal: AbortSignal, onfile: (file: File) => void,
 *   extra?: Node | null, icon?: string}} options
 */
export function dropZone({ accept, title, help, signal, onfile, extra = null, icon: name = "upload" }) {
  const el = h(
    "div",
    { class: "drop" },
    icon(name, "large"),
    h("p", null, title),
    h(
      "div",
      { class: "row wrap" },
      button({ icon: "file", label: t("file.choose"), onclick: () => chooseFile(accept, onfile) }),
      extra,
    ),
    h("p", { class: "small-text muted" }, help),
  );
  acceptFiles(el, signal, onfile);
  return el;
}
