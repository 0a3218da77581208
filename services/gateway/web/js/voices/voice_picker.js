// @ts-check
// The dialog in which a voice is chosen.

import { openDialog } from "../components/dialog.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { soundButton, stopSound } from "../components/sound_button.js";
import { button, h } from "../core/dom.js";
import { fetchVoices } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { voiceInitial, voiceSummary } from "./voice_labels.js";

/** @typedef {import("../core/types.js").Voice} Voice */

/**
 * Opens the voice picker. An empty id is the automatic voice.
 * @param {string} chosen id
 * @param {(voice: Voice | null) => void} onchange
 * @param {{automatic?: string, arrange?: (all: Voice[]) => Voice[]}} [options] `automatic`: what the automatic voice
 * is, in words; `arrange`: the order in which they are offered
 */
export function openVoicePicker(chosen, onchange, { automatic = t("voice.auto.help"), arrange = (all) => all } = {}) {
  const group = `voices-${Math.random().toString(36).slice(2)}`;
  const row = (/** @type {Voice | null} */ voice) => {
    const id = voice?.voice_id ?? "";
    const change = () => onchange(voice);
    const props = { type: "radio", name: group, value: id, checked: id === chosen, class: "sr", on: { change } };
    return voiceRow(voice, h("input", props), automatic);
  };
  const legend = () => h("legend", { class: "sr" }, t("voice.choose"));
  const body = loadable(
    fetchVoices,
    (all) => h("fieldset", { class: "stack tight" }, legend(), row(null), ...arrange(all).map(row)),
    { skeletons: 5, height: 52 },
  );
  openDialog({
    title: t("voice.choose"),
    body: [body.el],
    footer: (close) => [
      linkButton({ href: "/voices", label: t("voice.all"), kind: "quiet" }),
      button({ label: t("done"), kind: "primary", onclick: close }),
    ],
    onclose: stopSound,
  });
}

/** @param {Voice | null} voice @param {HTMLInputElement} input @param {string} automatic */
function voiceRow(voice, input, automatic) {
  const texts = h(
    "span",
    { class: "stack tight grow no-gap" },
    h("span", { class: "clip" }, voice ? voice.name : t("voice.auto")),
    h("span", { class: "small-text muted clip" }, voice ? voiceSummary(voice) : automatic),
  );
  return h(
    "div",
    { class: "voice-row" },
    h("label", { class: "row grow" }, input, voiceInitial(voice), texts),
    voice ? soundButton(voice.sample_url, t("voice.play", { name: voice.name })) : null,
  );
}
