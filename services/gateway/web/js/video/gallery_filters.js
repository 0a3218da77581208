// @ts-check
// What the gallery shows: words, a tag, an avatar.
import { avatarChoices } from "../avatars/avatar_choices.js";
import { field, select } from "../components/form.js";
import { list } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

const PAUSE_MS = 300;

/**
 * @param {AbortSignal} signal @param {() => void} onchange
 * @returns {{el: HTMLElement, query: () => Record<string, string>, reload: () => void}} `reload`: tags may have changed
 */
export function galleryFilters(signal, onchange) {
  const chosen = { q: "", tag: "", avatar_id: "" };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  const input = () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      chosen.q = words.value.trim();
      onchange();
    }, PAUSE_MS);
  };
  signal.addEventListener("abort", () => clearTimeout(pause));
  const words = h("input", { type: "search", class: "input", maxlength: 200, autocomplete: "off", on: { input } });
  const tags = h("div", null);
  const avatars = h("div", null);

  /**
   * @param {Element} place @param {string} label @param {"tag" | "avatar_id"} name
   * @param {{value: string, label: string}[]} options
   */
  function draw(place, label, name, options) {
    if (!options.some((o) => o.value === chosen[name])) chosen[name] = "";
    const change = (/** @type {string} */ value) => {
      chosen[name] = value;
      onchange();
    };
    const all = { value: "", label: t("all") };
    if (options.length) fill(place, field(label, select([all, ...options], chosen[name], change)));
    else fill(place);
  }
  const loadTags = () =>
    list("/videos/tags", signal).then(
      (found) =>
        draw(
          tags,
          t("gallery.tag"),
          "tag",
          found.map(({ tag, videos }) => ({ value: tag, label: `${tag} (${videos})` })),
        ),
      () => {}, // the videos themselves remain
    );
  const loadAvatars = () =>
    avatarChoices().then(
      (all) => {
        const options = all.map(({ name, avatar, model }) => ({ value: model?.id ?? avatar.id, label: name }));
        draw(avatars, t("gallery.avatar"), "avatar_id", options.length > 1 ? options : []);
      },
      () => {},
    );
  void loadTags();
  void loadAvatars();
  return {
    el: h("div", { class: "gallery-filters", role: "search" }, field(t("gallery.search"), words), tags, avatars),
    query: () => Object.fromEntries(Object.entries(chosen).filter(([, v]) => v)),
    reload: () => void loadTags(),
  };
}
