// @ts-check
// Playing sounds: one at a time on the page.

import { mediaProblem, problemOf } from "../core/api.js";
import { button, fill, icon } from "../core/dom.js";
import { toast } from "./announcements.js";

/** @type {HTMLAudioElement | null} */
let current = null;

/** Prepares a sound and stops the one before it. @param {string} url */
export function playSound(url) {
  stopSound();
  current = new Audio(url);
  return current;
}

/** Stops the sound that plays, if any. */
export const stopSound = () => current?.pause();

/**
 * A button that plays and pauses a sound.
 * @param {string} url
 * @param {string} label
 * @param {string} [kind]
 * @param {(error: unknown) => void} [onerror] shows why there is no sound; a toast by default
 * @param {(sound: HTMLAudioElement) => void} [onstart] called with each sound before it plays
 */
export function soundButton(
  url,
  label,
  kind = "small",
  onerror = (error) => toast(problemOf(error).title),
  onstart = () => {},
) {
  const el = button({ icon: "play", label, bare: true, kind, onclick: () => toggle() });
  /** @type {HTMLAudioElement | null} */
  let audio = null;
  const show = (/** @type {string} */ name) => {
    fill(el, icon(name));
    el.classList.toggle("playing", name === "pause");
    el.setAttribute("aria-pressed", String(name === "pause"));
  };
  show("play");
  function toggle() {
    if (audio && !audio.paused) return audio.pause();
    const sound = playSound(url);
    audio = sound;
    onstart(sound);
    show("pause");
    el.classList.add("waiting");
    sound.onplaying = () => el.classList.remove("waiting");
    const stopped = (/** @type {string} */ name) => {
      el.classList.remove("waiting");
      show(name);
    };
    sound.onpause = sound.onended = () => stopped("play");
    sound.onerror = async () => {
      stopped("alert");
      if (!url.startsWith("blob:")) onerror(await mediaProblem(url));
    };
    sound.play().catch(() => sound.error || stopped("play"));
  }
  return el;
}
