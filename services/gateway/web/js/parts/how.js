// @ts-check
// How it is made: engine, model, device, size, subtitles. Folded, with good defaults; only what is there can be chosen.
import { fill, h } from "../core/dom.js";
import { devices, engines } from "../core/facts.js";
import { t } from "../core/i18n.js";
import { recall, remember } from "../core/prefs.js";
import { field, select } from "./bits.js";
import { turnIcon } from "./result.js";
import { loaded } from "./say.js";

/** @typedef {{engine: string, device: string, side: string, subtitles: boolean}} How */

const SIDES = ["", "1080", "720", "512"];
/** @type {How} */
const PLAIN = { engine: "", device: "", side: "", subtitles: true };
/** @returns {How} */
const how = () => ({ ...PLAIN, ...recall("video.how", PLAIN) });
const keep = (/** @type {Partial<How>} */ change) => remember("video.how", { ...how(), ...change });

/** The choices as `POST /videos` wants them; "" is the server's default and is left out. */
export function howValues() {
  const { engine, device, side, subtitles } = how();
  return {
    engine: engine || undefined,
    device: device || undefined,
    max_side_px: side ? Number(side) : undefined,
    subtitles,
  };
}

export function howPart() {
  const inside = h("div", { class: "inside" });
  const el = h(
    "details",
    { class: "fold" },
    h(
      "summary",
      null,
      turnIcon(),
      h("span", { class: "grow" }, t("how")),
      h("span", { class: "small-text muted clip" }, t("how.defaults")),
    ),
    inside,
  );
  el.addEventListener("toggle", () => el.open && !inside.childElementCount && fill(inside, form()));
  return el;
}

function form() {
  return loaded(
    async () => /** @type {const} */ ([await engines(), await devices()]),
    ([{ items, unreachable }, deviceList]) => {
      const now = how();
      const plain = { value: "", label: t("how.auto") };
      const known = items.filter((e) => e.service === "render");
      const off = known.filter((e) => !e.available);
      const box = h("input", {
        type: "checkbox",
        checked: now.subtitles,
        on: { change: () => keep({ subtitles: box.checked }) },
      });
      return h(
        "div",
        { class: "stack" },
        h(
          "div",
          { class: "grid" },
          field(
            t("how.engine"),
            select(
              [
                plain,
                ...known.map((e) => ({
                  value: e.name,
                  label: e.available ? e.name : t("how.off", { name: e.name }),
                  disabled: !e.available,
                })),
              ],
              now.engine,
              (engine) => keep({ engine }),
            ),
          ),
          field(
            t("how.device"),
            select([plain, ...deviceList.map((d) => ({ value: d.device, label: d.name }))], now.device, (device) =>
              keep({ device }),
            ),
          ),
          field(
            t("how.side"),
            select(
              SIDES.map((s) => ({ value: s, label: s ? t("how.side.px", { n: s }) : t("how.side.source") })),
              now.side,
              (side) => keep({ side }),
            ),
          ),
        ),
        h("label", { class: "check" }, box, t("how.subtitles")),
        ...off.map((e) => h("p", { class: "small-text muted" }, t("how.why", { name: e.name, why: e.reason }))),
        ...unreachable
          .filter((u) => u.service === "render")
          .map((u) => h("p", { class: "small-text muted" }, u.problem.detail)),
      );
    },
    { skeletons: 2, height: 56 },
  ).el;
}
