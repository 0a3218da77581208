// @ts-check
// Shows the pictures of live answers over the idle loop of the stage, faded in and out.

/** @typedef {import("../chat/chat_state.js").Chat} Chat */
/** @typedef {import("./live_messages.js").Surface} Surface */

const FADE_MS = 100;

/** @param {Chat["stage"]} stage @param {AbortSignal} signal @returns {Surface} */
export function liveSurface(stage, signal) {
  const { loop } = stage;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pausing;
  return {
    add: stage.add,
    show(el) {
      if (el.classList.contains("on")) return;
      el.classList.add("on");
      pausing = setTimeout(loop.pause, FADE_MS); // nobody sees it
    },
    hide(el, frame) {
      clearTimeout(pausing);
      if (!el.classList.contains("on")) return;
      const fade = () => {
        loop.play();
        el.classList.remove("on");
      };
      loop.seek(frame, fade, signal);
    },
  };
}
