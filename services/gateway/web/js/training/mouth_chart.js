// @ts-check
// The chart of the real mouth opening and the rendered one.

import { lineChart } from "../components/line_chart.js";
import { formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Curve} Curve */

/** @param {Curve} curve @param {"real" | "before" | "after"} name @returns {[number, number][]} */
const points = (curve, name) =>
  curve[name].map((v, i) => [Math.round(100 * (curve.start_s + i / curve.rate_hz)) / 100, v]);

/**
 * The correlation of two curves, -1 to 1; `null` when one is constant or shorter than 3.
 * @param {number[]} a
 * @param {number[]} b
 */
export function correlation(a, b) {
  const n = Math.min(a.length, b.length);
  if (n < 3) return null;
  const mean = (/** @type {number[]} */ v) => v.slice(0, n).reduce((sum, x) => sum + x, 0) / n;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i += 1) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return aa > 1e-12 && bb > 1e-12 ? ab / Math.sqrt(aa * bb) : null;
}

/** @returns {{el: HTMLElement, set: (curve: Curve | null | undefined) => void}} */
export function mouthChart() {
  const { el, set } = lineChart({ title: t("train.mouth"), x: t("train.seconds"), digits: 2 });
  return {
    el,
    set(curve) {
      if (!curve) return set([], "");
      const after = correlation(curve.real, curve.after);
      set(
        [
          { key: "b", label: t("train.mouth.before"), points: points(curve, "before") },
          { key: "c", label: t("train.mouth.real"), points: points(curve, "real") },
          { key: "a", label: t("train.mouth.after"), points: points(curve, "after") },
        ],
        after === null ? "" : t("train.mouth.alike", { n: formatNumber(after, 2) }),
      );
    },
  };
}
