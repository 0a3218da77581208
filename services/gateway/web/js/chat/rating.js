// @ts-check
// Thumbs up or down for an answer; pressing again takes it back.
import { toast } from "../components/announcements.js";
import { problemOf } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {"up" | "down" | null} Rating */

/**
 * @param {Rating} rating as it is kept
 * @param {(rating: Rating) => Promise<unknown>} save
 */
export function ratingButtons(rating, save) {
  const all = /** @type {const} */ (["up", "down"]).map((value) => ({
    value,
    el: button({
      icon: `thumb-${value}`,
      label: t(`rating.${value}`),
      bare: true,
      kind: "small rating",
      onclick: () => void choose(value),
    }),
  }));
  const show = () => all.forEach(({ value, el }) => el.setAttribute("aria-pressed", String(value === rating)));
  const choose = async (/** @type {Exclude<Rating, null>} */ value) => {
    const before = rating;
    rating = rating === value ? null : value;
    show();
    try {
      await save(rating);
    } catch (error) {
      rating = before;
      show();
      toast(problemOf(error).title);
    }
  };
  show();
  return h("span", { class: "ratings" }, ...all.map(({ el }) => el));
}
