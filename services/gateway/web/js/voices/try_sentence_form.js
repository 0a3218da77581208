// @ts-check
// A form that speaks a sentence in a voice.

import { field } from "../components/form.js";
import { isAbort, problemCard } from "../components/problem_card.js";
import { playSound } from "../components/sound_button.js";
import { synthesizeSpeech } from "../core/api.js";
import { fill, h, setText } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Voice} Voice */

/** @param {Voice} voice @param {AbortSignal} signal */
export function trySentenceForm({ voice_id, sample_text, language }, signal) {
  const sentence = h("input", { class: "input", maxlength: 200, required: true, value: sample_text, lang: language });
  const go = h("button", { type: "submit", class: "button" }, t("voices.try.say"));
  const status = h("p", { class: "small-text muted", role: "status" });
  const problem = h("div", null);
  let spoken = { text: "", url: "" };
  /** @param {string} text */
  async function speak(text) {
    if (spoken.text !== text) {
      setText(status, t("voices.try.wait"));
      const url = URL.createObjectURL(await synthesizeSpeech({ text, voice_id, fallback: false }, signal));
      signal.addEventListener("abort", () => URL.revokeObjectURL(url));
      spoken = { text, url };
    }
    await playSound(spoken.url).play();
  }
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    fill(problem);
    const text = sentence.value.trim();
    if (!text) return;
    go.disabled = true;
    try {
      await speak(text);
    } catch (error) {
      if (!signal.aborted && !isAbort(error)) fill(problem, problemCard(error));
    }
    setText(status, "");
    go.disabled = false;
  };
  return h(
    "form",
    { class: "stack tight", on: { submit } },
    field(t("voices.try.words"), sentence),
    h("div", { class: "row wrap" }, go, status),
    problem,
  );
}
