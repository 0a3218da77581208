// @ts-check
// The recordings of a cloned voice: play, remove, add.

import { toast } from "../components/announcements.js";
import { confirmDialog } from "../components/dialog.js";
import { note, pill } from "../components/layout.js";
import { isAbort, problemCard } from "../components/problem_card.js";
import { soundButton } from "../components/sound_button.js";
import { consentChoice } from "../consent/consent_choice.js";
import { call, upload } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { uploadWithProgress, voiceRecorder } from "./voice_recorder.js";

/** @typedef {import("../core/types.js").Voice} Voice */
/** @typedef {import("../core/types.js").VoiceClip} VoiceClip */

const MAX_CLIPS = 5;

/** @param {Voice} voice @param {string} path @param {AbortSignal} signal @param {(voice: Voice) => void} onchange */
export function voiceClips(voice, path, signal, onchange) {
  const problem = h("div", null);
  const only = voice.clips.length === 1;
  /** @param {string} id @param {number} n */
  async function remove(id, n) {
    const question = { title: t("voices.clips.remove", { n }), text: t("voices.clips.remove.text"), yes: t("delete") };
    if (!(await confirmDialog(question))) return;
    try {
      const changed = await call("DELETE", `${path}/clips/${id}`, { signal });
      toast(t("voices.clips.removed", { n: changed.clips.length }));
      onchange(changed);
    } catch (error) {
      if (!signal.aborted) fill(problem, problemCard(error));
    }
  }
  const row = (/** @type {VoiceClip} */ clip, /** @type {number} */ i) =>
    clipRow(clip, i + 1, voice.language, only, () => void remove(clip.clip_id, i + 1));
  return [
    h("p", { class: "small-text muted" }, t("voices.clips.help", { most: MAX_CLIPS })),
    h("ol", { class: "stack tight clip-list" }, ...voice.clips.map(row)),
    problem,
    voice.clips.length < MAX_CLIPS
      ? addClipForm(path, signal, onchange)
      : note(t("voices.clips.full", { most: MAX_CLIPS })),
  ];
}

/**
 * @param {VoiceClip} clip
 * @param {number} n from 1
 * @param {string} lang
 * @param {boolean} only
 * @param {() => void} remove
 */
function clipRow({ url, transcript, seconds, snr_db }, n, lang, only, remove) {
  const facts = t("voices.clips.facts", { s: formatNumber(seconds, 1), db: formatNumber(snr_db) });
  const first = n === 1 ? h("span", null, " · ", pill(t("voices.clips.first"), "plain")) : "";
  return h(
    "li",
    { class: "row clip-row" },
    soundButton(url, t("voices.clips.play", { n })),
    h(
      "div",
      { class: "grow" },
      h("p", { lang }, transcript || "…"),
      h("p", { class: "small-text muted num" }, facts, first),
    ),
    button({
      icon: "trash",
      label: only ? t("voices.clips.last") : t("voices.clips.remove", { n }),
      bare: true,
      kind: "small",
      disabled: only,
      onclick: remove,
    }),
  );
}

/** @param {string} path @param {AbortSignal} signal @param {(voice: Voice) => void} onchange */
function addClipForm(path, signal, onchange) {
  /** @type {File | null} */
  let file = null;
  const place = h("div", null);
  const add = h("button", { type: "submit", class: "button", disabled: true }, t("voices.clips.add"));
  const recorder = voiceRecorder(signal, (next) => {
    file = next;
    add.disabled = !next;
  });
  const stated = consentChoice();
  async function send(/** @type {Event} */ e) {
    e.preventDefault();
    if (!file) return;
    const statement = stated.statement();
    const sent = { file, ...(statement ? { consent_statement: statement } : {}) };
    add.disabled = true;
    try {
      const changed = await uploadWithProgress(
        place,
        (onprogress, stop) => upload(`${path}/clips`, sent, { onprogress, signal: stop }),
        signal,
      );
      toast(t("voices.clips.added", { n: changed.clips.length }));
      invalidate("consents");
      onchange(changed);
    } catch (error) {
      add.disabled = false;
      if (!isAbort(error)) fill(place, problemCard(error));
    }
  }
  return h("form", { class: "stack tight", on: { submit: send } }, recorder.el, stated.el, h("div", null, add), place);
}
