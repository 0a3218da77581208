// @ts-check
// Keys and clicks of a live conversation: the space bar, Escape, F, and a click on the face.

/** Elements that use the space bar themselves. */
const USES_SPACE = "a, button, input, select, textarea, summary, video, [contenteditable]";

/**
 * @param {import("./live_session.js").LiveSession} session @param {HTMLElement} stage
 * @param {ReturnType<typeof import("./live_immersive.js").immersive>} immersive @param {AbortSignal} signal ends it
 */
export function listenToKeys(session, stage, immersive, signal) {
  const options = { signal };
  const isSpace = (/** @type {KeyboardEvent} */ e) =>
    e.code === "Space" && !(e.target instanceof Element && e.target.closest(USES_SPACE));
  const isTyping = (/** @type {KeyboardEvent} */ e) =>
    e.target instanceof Element && Boolean(e.target.closest("input, select, textarea"));
  const keydown = (/** @type {KeyboardEvent} */ e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
    if (e.code === "Escape") immersive.leave() || session.stop();
    else if (e.code === "KeyF" && !isTyping(e)) immersive.toggle();
    else if (isSpace(e)) {
      e.preventDefault();
      if (e.repeat) return;
      if (session.isPush) session.talk(true);
      else session.stop();
    }
  };
  const keyup = (/** @type {KeyboardEvent} */ e) => {
    if (session.isPush && isSpace(e)) session.talk(false);
  };
  document.addEventListener("keydown", keydown, options);
  document.addEventListener("keyup", keyup, options);
  document.addEventListener("visibilitychange", () => document.hidden || session.player.wake(), options);
  const isFace = (/** @type {Event} */ e) =>
    e.target instanceof Element && !e.target.closest("button, .live-place, .live-notices");
  stage.addEventListener("click", (e) => isFace(e) && session.stop(), options);
}
