// @ts-check
// The face fills the screen: the browser's full screen where it has one, else the whole page.

/**
 * @param {HTMLElement} stage @param {(on: boolean) => void} onchange @param {AbortSignal} signal ends it
 * @returns {{toggle: () => void, leave: () => boolean}} `leave` says whether there was anything to leave
 */
export function immersive(stage, onchange, signal) {
  let isOn = false;
  const set = (/** @type {boolean} */ on) => {
    if (on === isOn) return;
    isOn = on;
    stage.classList.toggle("immersive", on);
    onchange(on);
  };
  const leave = () => {
    const was = isOn;
    set(false);
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    return was;
  };
  const enter = () => {
    set(true);
    // the whole document, so that dialogs are seen too; on an iPhone only videos have it
    document.documentElement.requestFullscreen?.().catch(() => {});
  };
  document.addEventListener("fullscreenchange", () => document.fullscreenElement || set(false), { signal });
  signal.addEventListener("abort", leave);
  return { toggle: () => (isOn ? void leave() : enter()), leave };
}
