// @ts-check
// A secret or a link that is shown once, to be copied.
import { button, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { copyText } from "./announcements.js";
import { field } from "./form.js";

/** @param {string} label @param {string} text @param {string} [help] */
export function secretBox(label, text, help) {
  const input = h("input", {
    class: "input mono",
    value: text,
    readonly: true,
    spellcheck: "false",
    on: { focus: () => input.select() },
  });
  const copy = button({ icon: "copy", label: t("copy"), onclick: () => void copyText(text) });
  const el = field(label, input, help);
  const row = h("div", { class: "row secret-box" });
  input.before(row);
  row.append(input, copy);
  return el;
}
