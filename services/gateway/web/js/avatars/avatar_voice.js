// @ts-check
// The voice of an avatar: what it speaks with unless another voice is chosen.

import { toast } from "../components/announcements.js";
import { problemCard } from "../components/problem_card.js";
import { call } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { fetchVoices, invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { voiceInitial } from "../voices/voice_labels.js";
import { openVoicePicker } from "../voices/voice_picker.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Voice} Voice */

/** @param {Avatar} avatar */
export function avatarVoice(avatar) {
  const problem = h("div", null);
  const open = () =>
    openVoicePicker(avatar.voice_id ?? "", (voice) => void save(voice), { automatic: t("voice.auto.avatar") });
  const chip = button({
    label: t("voice.auto"),
    kind: "small quiet voice-line",
    "aria-haspopup": "dialog",
    onclick: open,
  });
  /** @param {Voice | null} voice @param {string} name */
  function draw(voice, name) {
    fill(chip, voiceInitial(voice), h("span", { class: "clip" }, name));
    chip.setAttribute("aria-label", t("voice.of", { avatar: avatar.name, name }));
    const lost = avatar.lost_voice;
    fill(problem, lost ? h("p", { class: "small-text lost" }, t("voice.lost", { name: lost })) : null);
  }
  /** @param {Voice | null} voice */
  async function save(voice) {
    const name = voice?.name ?? t("voice.auto");
    try {
      const path = `/avatars/${encodeURIComponent(avatar.id)}`;
      Object.assign(avatar, await call("PATCH", path, { body: { voice_id: voice?.voice_id ?? null } }));
      invalidate("avatars");
      draw(voice, name);
      toast(t("voice.set", { avatar: avatar.name, name }));
    } catch (error) {
      fill(problem, problemCard(error));
    }
  }
  draw(null, avatar.voice_id ?? t("voice.auto"));
  if (avatar.voice_id) {
    fetchVoices().then(
      (all) => {
        const found = all.find((v) => v.voice_id === avatar.voice_id) ?? null;
        draw(found, found?.name ?? `${avatar.voice_id} (${t("voice.gone")})`);
      },
      () => {}, // the id remains; the picker shows the problem
    );
  }
  return h("div", { class: "stack tight" }, chip, problem);
}
