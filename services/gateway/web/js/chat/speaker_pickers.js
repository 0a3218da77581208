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

/**
 * @param {(avatar: Avatar, isOther: boolean) => void} onavatar called when an avatar, or a model of it, is chosen
 * @param {() => void} onspeech called when another voice or persona is chosen
 */
export function speakerPickers(onavatar, onspeech) {
  /** @type {AvatarChoice | null} */
  let choice = null;
  let loading = Promise.resolve();
  const personaKey = () => `persona.${choice?.avatar.id ?? "builtin"}`;
  const avatarChip = h("button", {
    type: "button",
    class: "chip",
    "aria-haspopup": "dialog",
    "aria-label": t("avatar.choose"), // until it is known which one was chosen
    on: { click: () => openAvatarPicker(choice?.key ?? "", choose, personaField(personaKey, onspeech)) },
  });
  const voice = voiceChip({
    kind: "chip",
    preference: "chat.voice",
    text: (name) => name,
    label: (name) => t("chat.voice", { name }),
    onchange: onspeech,
  });

  /** @param {AvatarChoice} next */
  function choose(next) {
    const isOther = choice?.avatar.id !== next.avatar.id;
    choice = next;
    onavatar(next.avatar, isOther);
    savePreference("chat.avatar", next.key);
    fill(avatarChip, avatarFace(next.avatar), h("span", { class: "clip" }, next.name));
    avatarChip.setAttribute("aria-label", t("chat.avatar", { name: next.name }));
    voice.setAvatar(next.avatar);
  }

  return {
    avatar: () => choice?.avatar ?? null,
    avatarChip,
    voiceChip: voice.el,
    /** Chooses the avatar of the address or of the last visit. @param {URLSearchParams} query */
    load: (query) =>
      (loading = avatarChoices({ liveOnly: true }).then((choices) =>
        choose(requestedChoice(choices, query, loadPreference("chat.avatar", "builtin"))),
      )),
    /** Until it is known who answers, or that it cannot be known. */
    loaded: () => loading.catch(() => {}),
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
 * @param {() => string} preference its key @param {() => void} onchange called when it has been written
 */
function personaField(preference, onchange) {
  const text = h("textarea", {
    class: "input",
    rows: 3,
    maxlength: 2000,
    placeholder: t("persona.example"),
    value: loadPreference(preference(), ""),
    on: { input: () => savePreference(preference(), text.value.trim() || undefined), change: onchange },
  });
  return field(t("persona"), text, t("persona.help"));
}
