// @ts-check
// The Training page: choose a clip, check it, train, and see the result; and the trained models.

import { page, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { stepPath } from "../components/path.js";
import { h, icon } from "../core/dom.js";
import { fetchDevices, fetchEngines } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { modelList } from "./model_list.js";
import { trainingWorkspace } from "./training_workspace.js";

/** @typedef {import("../core/types.js").Engine} Engine */
/** @typedef {import("../core/types.js").Engines} Engines */

const PATH_STEPS = ["clip", "check", "run", "result"];

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function trainingPage({ signal, query }) {
  const path = trainingPath();
  const models = modelList();
  const body = loadable(
    async () => /** @type {const} */ ([await fetchEngines(), await fetchDevices().catch(() => [])]),
    ([{ items, unreachable }, devices]) => {
      const renderEngines = items.filter((e) => e.service === "render");
      const engines = renderEngines.filter((e) => e.available && e.can_train);
      const setStep = path.setStep;
      const lengths = (engines[0] ?? renderEngines.find((e) => e.training_clip))?.training_clip ?? null;
      const onmodel = () => void models.reload();
      return h(
        "div",
        { class: "stack loose" },
        engines.length ? null : unavailableNote(renderEngines, unreachable),
        trainingWorkspace({ engines, lengths, devices, signal, query, setStep, onmodel }),
      );
    },
    { skeletons: 3, height: 140 },
  );
  return page(t("nav.training"), t("training.lead"), path.el, body.el, section(t("training.models"), [], models.el));
}

/** The steps of a training. */
const trainingPath = () =>
  stepPath(
    t("training.path"),
    PATH_STEPS.map((key) => ({ key, title: t(`training.${key}`), text: t(`training.${key}.text`) })),
  );

/**
 * Why no engine can train here.
 * @param {Engine[]} engines render engines
 * @param {Engines["unreachable"]} unreachable
 */
function unavailableNote(engines, unreachable) {
  const down = unreachable.find((u) => u.service === "render");
  const missingTorch = engines.some((e) => e.available && e.cannot_train_cause === "torch-missing");
  const reasons = engines
    .filter((e) => e.reason || e.cannot_train_reason)
    .map((e) => h("li", { class: "small-text" }, h("strong", null, e.name), ": ", e.reason || e.cannot_train_reason));
  const instead = linkButton({ href: "/avatars", label: t("training.instead"), icon: "avatar", kind: "primary" });
  return h(
    "div",
    { class: "note warn", role: "note", "data-state": "unavailable" },
    icon("info"),
    h(
      "div",
      { class: "stack" },
      h("p", null, h("strong", null, t("training.off"))),
      h("p", null, down ? down.problem.detail : t("training.off.text")),
      missingTorch ? h("p", null, t("training.off.how")) : null,
      reasons.length ? h("ul", { class: "stack tight" }, ...reasons) : null,
      h("div", { class: "row wrap" }, instead),
    ),
  );
}
