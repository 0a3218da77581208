// @ts-check
// Choosing an avatar, or a model trained on one.

import { openDialog } from "../components/dialog.js";
import { loadable } from "../components/loadable.js";
import { button, h, icon } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { avatarChoices } from "./avatar_choices.js";
import { avatarFace } from "./avatar_face.js";

/** @typedef {import("../core/types.js").AvatarChoice} AvatarChoice */

/**
 * The choices as radio buttons, so that arrow keys and screen readers work.
 * @param {AvatarChoice[]} all @param {string} chosen a key @param {(choice: AvatarChoice) => void} onchange
 */
export function avatarPicker(all, chosen, onchange) {
  const group = `faces-${Math.random().toString(36).slice(2)}`;
  return h(
    "fieldset",
    { class: "faces" },
    h("legend", { class: "sr" }, t("avatar.choose")),
    ...all.map((choice) => choiceCard(choice, group, choice.key === chosen, () => onchange(choice))),
    h(
      "a",
      { class: "face-card new", href: "/avatars" },
      h("span", { class: "face" }, icon("plus", "large")),
      h("span", { class: "clip" }, t("avatar.new")),
    ),
  );
}

/**
 * @param {AvatarChoice} choice
 * @param {string} name of the radio group
 * @param {boolean} checked
 * @param {() => void} change
 */
function choiceCard(choice, name, checked, change) {
  const input = h("input", { type: "radio", name, value: choice.key, checked, class: "sr", on: { change } });
  const label = h("label", { class: "face-card" }, input);
  const picture = avatarFace(choice.avatar, label);
  if (choice.model) picture.append(h("span", { class: "face-badge" }, t("person.trained")));
  label.append(picture, h("span", { class: "clip" }, choice.name));
  return label;
}

/**
 * Opens the picker for the chat.
 * @param {string} chosen a key @param {(choice: AvatarChoice) => void} onchange @param {...Node} extras shown below it
 */
export function openAvatarPicker(chosen, onchange, ...extras) {
  const body = loadable(
    () => avatarChoices({ liveOnly: true }),
    (all) => avatarPicker(all, chosen, onchange),
    { skeletons: 1, height: 160 },
  );
  openDialog({
    title: t("avatar.choose"),
    wide: 560,
    body: [h("div", { class: "stack loose" }, body.el, ...extras)],
    footer: (close) => [button({ label: t("done"), kind: "primary", onclick: close })],
  });
}
