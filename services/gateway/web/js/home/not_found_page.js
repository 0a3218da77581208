// @ts-check
// The page for unknown addresses.
import { emptyState, page } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { t } from "../i18n/translate.js";

/** @returns {HTMLElement} */
export const notFoundPage = () =>
  page(
    t("nav.not_found"),
    "",
    emptyState("info", t("not_found.text"), linkButton({ href: "/", label: t("nav.home"), kind: "primary" })),
  );
