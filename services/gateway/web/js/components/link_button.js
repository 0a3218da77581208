// @ts-check
// A link that looks like a button.
import { h, icon } from "../core/dom.js";

/**
 * `bare` shows the icon alone, with the label as its accessible name and tooltip.
 * @param {{href: string, label: string, icon?: string, kind?: string, bare?: boolean, [attr: string]: any}} options
 */
export const linkButton = ({ href, label, icon: name, kind = "", bare = false, ...attrs }) =>
  h(
    "a",
    {
      href,
      class: `${bare ? "icon-button" : "button"} ${kind}`.trim(),
      "aria-label": bare ? label : null,
      title: bare ? label : null,
      ...attrs,
    },
    name ? icon(name) : null,
    bare ? null : label,
  );
