// @ts-check
// Engine, device and size of a video, folded, with defaults. Only what is available can be chosen.

import { fold } from "../components/fold.js";
import { field, select } from "../components/form.js";
import { loadable } from "../components/loadable.js";
import { fill, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { fetchDevices, fetchEngines } from "../core/server_state.js";
import { t } from "../i18n/translate.js";

/** @typedef {{engine: string, device: string, side: string}} RenderOptions "" is the default */
/** @typedef {import("../core/types.js").Engine} Engine */

const SIDES_PX = ["", "1080", "720", "512"];

/** @type {RenderOptions} */
const DEFAULTS = { engine: "", device: "", side: "" };

/** @returns {RenderOptions} */
const savedOptions = () => ({ ...DEFAULTS, ...loadPreference("video.how", DEFAULTS) });
const saveOptions = (/** @type {Partial<RenderOptions>} */ change) =>
  savePreference("video.how", { ...savedOptions(), ...change });

/** The options as `POST /videos` expects them. Defaults of the server are left out. */
export function renderOptionValues() {
  const { engine, device, side } = savedOptions();
  return {
    engine: engine || undefined,
    device: device || undefined,
    max_side_px: side ? Number(side) : undefined,
  };
}

/**
 * The folded form. It is loaded when it is opened first.
 * @param {(callback: (isPlain: boolean) => void) => void} watchPlain tells whether the size is chosen here: otherwise
 * the format says it
 */
export function renderOptions(watchPlain) {
  const inside = h("div", { class: "inside" });
  const defaults = h("span", { class: "small-text muted clip grow" }, t("how.defaults"));
  const el = fold([h("span", null, t("how")), defaults], inside);
  el.addEventListener("toggle", () => el.open && !inside.childElementCount && fill(inside, optionsForm(watchPlain)));
  return el;
}

/** @param {(callback: (isPlain: boolean) => void) => void} watchPlain */
function optionsForm(watchPlain) {
  return loadable(
    async () => /** @type {const} */ ([await fetchEngines(), await fetchDevices()]),
    ([{ items, unreachable }, devices]) => {
      const engines = items.filter((e) => e.service === "render");
      const problems = [
        ...engines.filter((e) => !e.available).map((e) => t("how.why", { name: e.name, why: e.reason })),
        ...unreachable.filter((u) => u.service === "render").map((u) => u.problem.detail),
      ];
      return h(
        "div",
        { class: "stack" },
        h("div", { class: "grid" }, ...optionSelects(engines, devices, watchPlain)),
        ...problems.map((text) => h("p", { class: "small-text muted" }, text)),
      );
    },
    { skeletons: 2, height: 56 },
  ).el;
}

/**
 * @param {Engine[]} engines @param {import("../core/types.js").Device[]} devices
 * @param {(callback: (isPlain: boolean) => void) => void} watchPlain
 */
function optionSelects(engines, devices, watchPlain) {
  const saved = savedOptions();
  const automatic = { value: "", label: t("how.auto") };
  const engineOptions = engines.map(({ name, available }) => ({
    value: name,
    label: available ? name : t("how.off", { name }),
    disabled: !available,
  }));
  const deviceOptions = devices.map((d) => ({ value: d.device, label: d.name }));
  const sideOptions = SIDES_PX.map((s) => ({
    value: s,
    label: s ? t("how.side.px", { n: s }) : t("how.side.source"),
  }));
  const size = field(
    t("how.side"),
    select(sideOptions, saved.side, (side) => saveOptions({ side })),
  );
  watchPlain((isPlain) => (size.hidden = !isPlain));
  return [
    field(
      t("how.engine"),
      select([automatic, ...engineOptions], saved.engine, (engine) => saveOptions({ engine })),
    ),
    field(
      t("how.device"),
      select([automatic, ...deviceOptions], saved.device, (device) => saveOptions({ device })),
    ),
    size,
  ];
}
