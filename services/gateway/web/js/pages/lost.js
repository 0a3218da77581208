// @ts-check
// An address without a page.
import { t } from "../core/i18n.js";
import { linkButton, page } from "../parts/bits.js";
import { empty } from "../parts/say.js";

/** @returns {HTMLElement} */
export const lostPage = () =>
  page(
    t("nav.lost"),
    "",
    empty("info", t("lost.text"), linkButton({ href: "/", label: t("nav.home"), kind: "primary" })),
  );
