// @ts-check
// A switch for the operator's face restorer, with its licence beside it; nothing where there is none.
import { h } from "../core/dom.js";
import { fetchEngines } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { checkbox } from "./fields.js";

/** @param {boolean} isOn @param {AbortSignal} signal @param {(isOn: boolean) => void} onchange */
export function restorerField(isOn, signal, onchange) {
  const el = h("div", { class: "restorer stack tight", hidden: true });
  const show = (/** @type {import("../core/types.js").Restorer | null} */ restorer) => {
    const isUsable = Boolean(restorer && !restorer.problem);
    if (signal.aborted || !(isUsable || isOn)) return; // one that was switched on must be switched off
    const toggle = checkbox(t("restore.use"), isOn, onchange);
    const about = isUsable ? t("restore.licence", { ...restorer }) : t("restore.gone");
    el.append(toggle, h("p", { class: "small-text muted" }, about));
    el.hidden = false;
  };
  fetchEngines().then(
    ({ restorer }) => show(restorer),
    () => {}, // the state of the services is told elsewhere
  );
  return el;
}
