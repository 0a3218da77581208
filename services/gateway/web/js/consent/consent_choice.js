// @ts-check
// What one states about the person in a file before a face or a voice is prepared.
import { loadable } from "../components/loadable.js";
import { Problem } from "../core/api.js";
import { fill, h, setText } from "../core/dom.js";
import { fetchConsentTexts } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { consentClip } from "./consent_clip.js";

/** @typedef {import("../core/account_types.js").ConsentTexts} ConsentTexts */
/** @typedef {import("../core/account_types.js").Statement} Statement */

/** Status of the refusals of a clip. */
const JUDGED = 422;

let groups = 0;

/**
 * Three statements as radio buttons. With accounts one of them is required.
 * @param {{onknown?: (required: boolean) => void, face?: boolean}} [options]
 * `onknown` is called once it is known whether one must state something; `face`: the statement is about a face, and a
 * consent clip may go with it
 */
export function consentChoice({ onknown, face = false } = {}) {
  const name = `consent-${(groups += 1)}`;
  const legend = h("legend", { class: "label" }, t("consent.question"));
  /** @type {ConsentTexts | null} */
  let texts = null;
  const choices = loadable(
    fetchConsentTexts,
    (found) => {
      texts = found;
      setText(legend, found.required ? t("consent.question") : t("consent.optional"));
      onknown?.(found.required);
      return Object.entries(found.statements).map(([value, text]) =>
        h(
          "label",
          { class: "check top" },
          h("input", { type: "radio", name, value, required: found.required }),
          h("span", null, text),
        ),
      );
    },
    { class: "stack tight", skeletons: 3, height: 40 },
  );
  const help = h("p", { class: "help" }, t("consent.help"));
  const clipPlace = h("div", null);
  /** @type {ReturnType<typeof consentClip> | null} */
  let clip = null;
  const el = h("fieldset", { class: "field consent" }, legend, choices.el, clipPlace, help);
  const chosen = () => {
    const input = el.querySelector("input:checked");
    return input instanceof HTMLInputElement ? /** @type {Statement} */ (input.value) : null;
  };
  /** A clip goes with a statement about somebody who lives. */
  const showClip = () => {
    const wanted = face && texts !== null && texts.clip !== "off" && ["self", "written"].includes(chosen() ?? "");
    if (wanted === (clip !== null)) return;
    clip = wanted ? consentClip() : null;
    fill(clipPlace, clip?.el);
  };
  el.addEventListener("change", showClip);
  return {
    el,
    statement: chosen,
    /** The words of the chosen statement. */
    words: () => texts?.statements[chosen() ?? "self"] ?? "",
    /** The field of a request; nothing where nothing was stated. */
    field: () => {
      const statement = chosen();
      return statement ? { consent: { statement, ...clip?.field() } } : {};
    },
    /** The request failed. A clip that was judged is done with; after a service was down it may be sent again. */
    refused: (/** @type {unknown} */ error) => {
      if (error instanceof Problem && error.body.status === JUDGED) clip?.refused();
    },
    clear() {
      for (const input of el.querySelectorAll("input")) input.checked = false;
      showClip();
    },
  };
}
