// @ts-check
// A password: typed, shown on demand, and how good it is in words.
import { field } from "../components/form.js";
import { fill, h, button, setText } from "../core/dom.js";
import { t } from "../i18n/translate.js";

const SHORTEST = 10;
const FEWEST_DIFFERENT = 5;
/** Characters from which a password is good, and from which it is strong. */
const [GOOD, STRONG] = [14, 20];

/**
 * A password with a button that shows it.
 * @param {string} label
 * @param {"current-password" | "new-password"} autocomplete
 * @param {string | HTMLElement} [help]
 */
export function passwordField(label, autocomplete, help) {
  const attrs = { required: true, maxlength: 500, autocomplete, autocapitalize: "none", spellcheck: "false" };
  const input = h("input", { class: "input", type: "password", ...attrs });
  const show = button({ icon: "eye", label: t("password.show"), bare: true, "aria-pressed": "false", onclick: toggle });
  function toggle() {
    const isShown = input.type === "password";
    input.type = isShown ? "text" : "password";
    show.setAttribute("aria-pressed", String(isShown));
  }
  const el = field(label, input, help);
  const row = h("div", { class: "password-row" });
  input.before(row);
  row.append(input, show);
  return { el, input };
}

/**
 * A new password, typed twice, with a hint how good it is.
 * @param {() => string} name of the person, which is no password
 */
export function newPasswordFields(name) {
  const hint = h("span", { "data-strength": "" }, t("password.rule", { least: SHORTEST }));
  const first = passwordField(t("password.new"), "new-password", hint);
  const again = passwordField(t("password.again"), "new-password");
  const differ = h("p", { class: "form-problem small-text", role: "status" });
  const check = () => {
    const { value } = first.input;
    const state = value ? strength(value, name()) : "rule";
    hint.dataset.strength = state;
    setText(hint, t(`password.${state}`, { least: SHORTEST }));
    const isOther = again.input.value !== "" && again.input.value !== value;
    again.input.setCustomValidity(again.input.value === value ? "" : t("password.differ"));
    fill(differ, isOther && document.activeElement !== again.input ? t("password.differ") : "");
  };
  for (const { input } of [first, again]) for (const on of ["input", "blur"]) input.addEventListener(on, check);
  return {
    elements: [first.el, again.el, differ],
    value: () => first.input.value,
    clear() {
      first.input.value = again.input.value = "";
      check();
    },
  };
}

/**
 * How good a password is, as a key of the dictionary. The server decides; this says it while one types.
 * @param {string} value @param {string} name
 */
function strength(value, name) {
  const different = new Set(value).size;
  if (value.length < SHORTEST) return "short";
  if (different < FEWEST_DIFFERENT) return "plain";
  if (name && value.toLowerCase() === name.trim().toLowerCase()) return "is_name";
  if (value.length >= STRONG && different >= 10) return "strong";
  return value.length >= GOOD && different >= 8 ? "good" : "fair";
}
