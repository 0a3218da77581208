// @ts-check
// What somebody shares by a link.
import { toast } from "../components/announcements.js";
import { emptyState, note, page, pill } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { submitForm } from "../components/submit_form.js";
import { account, signInAddress } from "../core/account.js";
import { call, downloadUrl, get, list, Problem } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { formatDate } from "../core/format.js";
import { invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { LISTS } from "./sharing_sections.js";

/** @typedef {import("../core/account_types.js").SharedThing} SharedThing */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function sharedPage({ signal }) {
  const path = `/shared/${location.pathname.split("/").pop()}`;
  const body = loadable(
    () => open(path, signal),
    (found) => {
      if (found instanceof Problem) return emptyState("link", `${found.body.detail} ${found.body.hint}`);
      document.title = `${found.name} · 画声 Huasheng`;
      return thingView(found, path);
    },
    { skeletons: 1, height: 320 },
  );
  return page(t("nav.shared"), "", body.el);
}

/** @param {string} path @param {AbortSignal} signal @returns {Promise<SharedThing | Problem>} */
async function open(path, signal) {
  try {
    return await get(path, signal);
  } catch (error) {
    if (error instanceof Problem && error.body.reason === "link-used") return error; // said as what it is
    throw error;
  }
}

/** @param {SharedThing} thing @param {string} path */
function thingView(thing, path) {
  const { kind, name, owner_name, expires_at, file_url } = thing;
  const words = h(
    "div",
    { class: "stack" },
    h("div", { class: "row wrap" }, h("h2", { class: "clip" }, name), pill(t(`shared.kind.${kind}`), "plain")),
    h("p", null, t("shared.by", { name: owner_name })),
    h(
      "p",
      { class: "small-text muted" },
      expires_at ? t("shared.until", { date: formatDate(expires_at) }) : t("share.forever"),
    ),
    file_url && kind === "video"
      ? h(
          "div",
          null,
          linkButton({ href: downloadUrl(file_url), label: t("download"), icon: "download", download: true }),
        )
      : null,
    taking(thing, path),
  );
  return h("div", { class: "result card" }, picture(thing), words);
}

/** @param {SharedThing} thing */
function picture({ kind, name, file_url }) {
  if (!file_url) return note(t(`shared.no_picture.${kind}`), { icon: kind === "voice" ? "voice" : "training" });
  const attrs = { src: file_url, class: "player", playsinline: true, "aria-label": name, preload: "metadata" };
  if (kind === "video") return h("video", { ...attrs, controls: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return h("video", { ...attrs, muted: true, loop: true, autoplay: !calm, controls: calm });
}

/** Taking it into one's own lists. @param {SharedThing} thing @param {string} path */
function taking({ id, kind }, path) {
  if (!account())
    return h(
      "div",
      { class: "stack tight" },
      h("p", { class: "small-text muted" }, t("shared.sign_in")),
      h("div", null, linkButton({ href: signInAddress(), label: t("sign_in"), kind: "primary" })),
    );
  const place = h("div", { class: "stack" });
  const open = () => linkButton({ href: LISTS[kind], label: t("shared.see"), kind: "primary" });
  const form = submitForm(t("shared.take"), [], async () => {
    await call("POST", path);
    for (const key of /** @type {const} */ (["shared", "avatars", "voices", "models"])) invalidate(key);
    toast(t("shared.taken"));
    fill(place, h("p", { role: "status" }, t("shared.taken")), h("div", null, open()));
    place.querySelector("a")?.focus();
  });
  fill(place, h("p", { class: "small-text muted" }, t("shared.take.text")), form);
  list("/shares").then(
    (own) => own.some((share) => share.id === id) && fill(place, h("p", null, t("shared.yours"))),
    () => {}, // taking one's own changes nothing
  );
  return place;
}
