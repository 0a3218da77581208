// @ts-check
// Who answers in the chat: the avatar with its persona, and the voice.

import { avatarChoices, requestedChoice } from "../avatars/avatar_choices.js";
import { avatarFace } from "../avatars/avatar_face.js";
import { openAvatarPicker } from "../avatars/avatar_picker.js";
import { field } from "../components/form.js";
import { fill, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { t } from "../i18n/translate.js";
import { voiceChip } from "../voices/voice_chip.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").AvatarChoice} AvatarChoice */

/** @param {(avatar: Avatar) => void} onavatar called when another avatar is chosen */
export function speakerPickers(onavatar) {
  /** @type {AvatarChoice | null} */
  let choice = null;
  const personaKey = () => `persona.${choice?.avatar.id ?? "builtin"}`;
  const avatarChip = h("button", {
    type: "button",
    class: "chip",
    "aria-haspopup": "dialog",
    "aria-label": t("avatar.choose"), // until it is known which one was chosen
    on: { click: () => openAvatarPicker(choice?.key ?? "", choose, personaField(personaKey)) },
  });
  const voice = voiceChip({
    kind: "chip",
    preference: "chat.voice",
    text: (name) => name,
    label: (name) => t("chat.voice", { name }),
  });

  /** @param {AvatarChoice} next */
  function choose(next) {
    if (choice?.avatar.id !== next.avatar.id) onavatar(next.avatar);
    choice = next;
    savePreference("chat.avatar", next.key);
    fill(avatarChip, avatarFace(next.avatar), h("span", { class: "clip" }, next.name));
    avatarChip.setAttribute("aria-label", t("chat.avatar", { name: next.name }));
    voice.setAvatar(next.avatar);
  }

  return {
    avatarChip,
    voiceChip: voice.el,
    /** Chooses the avatar of the address or of the last visit. @param {URLSearchParams} query */
    async load(query) {
      const choices = await avatarChoices({ liveOnly: true });
      choose(requestedChoice(choices, query, loadPreference("chat.avatar", "builtin")));
    },
    /** The fields of `POST /dialogues` that say who answers. */
    params: () => ({
      avatar_id: choice?.avatar.id ?? "builtin",
      model: choice?.model?.id,
      engine: choice?.model?.engine,
      voice_id: voice.voiceId() || undefined,
      persona: loadPreference(personaKey(), "") || undefined,
    }),
  };
}

/**
 * The description of the avatar for the language model, kept for each avatar.
 * @param {() => string} preference its key
 */
function personaField(preference) {
  const text = h("textarea", {
    class: "input",
    rows: 3,
    maxlength: 2000,
    placeholder: t("persona.example"),
    value: loadPreference(preference(), ""),
    on: { input: () => savePreference(preference(), text.value.trim() || undefined) },
  });
  return field(t("persona"), text, t("persona.help"));
}
