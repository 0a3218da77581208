// @ts-check
// Making an API key, which is shown once.
import { fold } from "../components/fold.js";
import { field, select } from "../components/form.js";
import { note } from "../components/layout.js";
import { secretBox } from "../components/secret_box.js";
import { submitForm } from "../components/submit_form.js";
import { call } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { limitFields } from "./limit_fields.js";

/** @typedef {import("../core/account_types.js").Me} Me */
/** @typedef {import("../core/account_types.js").Scope} Scope */

/** @type {Scope[]} */
const SCOPES = ["read", "create", "live", "admin"];
const USUAL = ["read", "create"];
const DAYS = ["30", "90", "365", ""];

/**
 * @param {Me} me @param {HTMLElement} place where the key is shown instead of the form
 * @param {{onmade: () => void, close: () => void}} options
 */
export function keyForm(me, place, { onmade, close }) {
  const name = h("input", { class: "input", required: true, maxlength: 80, autocomplete: "off" });
  let days = "90";
  const times = DAYS.map((value) => ({ value, label: value ? t("days", { n: value }) : t("keys.forever") }));
  const until = select(times, days, (value) => (days = value));
  const scopes = scopeBoxes(me);
  const limits = limitFields(me.limits, {});
  const limitFold = fold([t("keys.limits")], h("div", { class: "inside stack" }, ...limits.elements));
  const fields = [
    field(t("keys.name"), name, t("keys.name.help")),
    scopes.el,
    field(t("keys.expiry"), until),
    limitFold,
  ];
  return submitForm(t("keys.make"), fields, async () => {
    const body = {
      name: name.value.trim(),
      scopes: scopes.chosen(),
      days: days ? Number(days) : null,
      limits: limits.values(),
    };
    const made = await call("POST", "/me/keys", { body });
    onmade();
    const box = secretBox(t("keys.key"), made.key);
    const done = button({ label: t("done"), kind: "primary", onclick: close });
    fill(
      place,
      h("div", { class: "stack" }, note(t("keys.once"), { kind: "warn", icon: "alert" }), box, h("div", null, done)),
    );
    box.querySelector("input")?.focus();
  });
}

/** What a key may do. @param {Me} me */
function scopeBoxes(me) {
  const offered = SCOPES.filter((scope) => scope !== "admin" || me.role === "admin");
  const boxes = offered.map((scope) => {
    const box = h("input", { type: "checkbox", value: scope, checked: USUAL.includes(scope), on: { change: check } });
    return { scope, box };
  });
  function check() {
    const isNone = !boxes.some(({ box }) => box.checked);
    boxes[0].box.setCustomValidity(isNone ? t("keys.scope.none") : "");
  }
  const label = (/** @type {typeof boxes[number]} */ { scope, box }) =>
    h(
      "label",
      { class: "check top" },
      box,
      h(
        "span",
        { class: "stack tight no-gap" },
        h("span", null, t(`scope.${scope}`)),
        h("span", { class: "small-text muted" }, t(`scope.${scope}.text`)),
      ),
    );
  const el = h("fieldset", { class: "field" }, h("legend", { class: "label" }, t("keys.scopes")), ...boxes.map(label));
  return { el, chosen: () => boxes.filter(({ box }) => box.checked).map(({ scope }) => scope) };
}
