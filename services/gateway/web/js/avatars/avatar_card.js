// @ts-check
// An avatar in the list of the Avatars page.

import { confirmDialog, openDialog } from "../components/dialog.js";
import { pill } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { problemCard } from "../components/problem_card.js";
import { call } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { formatNumber, timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { avatarFace } from "./avatar_face.js";
import { avatarReport, coverageText } from "./avatar_report.js";
import { avatarVoice } from "./avatar_voice.js";
import { consentFacts } from "../consent/consent_facts.js";
import { shareButton } from "../sharing/share_dialog.js";
import { dropButton, sharedBadge } from "../sharing/shared_badge.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */

/** @param {Avatar} avatar @param {() => void} ondeleted */
export function avatarCard(avatar, ondeleted) {
  const { name, report } = avatar;
  const el = h("li", { class: "person card" });
  async function remove() {
    const question = { title: t("avatars.delete", { name }), text: t("avatars.delete.text"), yes: t("delete") };
    if (!(await confirmDialog(question))) return;
    try {
      await call("DELETE", `/avatars/${encodeURIComponent(avatar.id)}`);
      ondeleted();
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  const warnings = report.warnings.length + (report.missing_shapes?.length ?? 0);
  const kind = avatar.is_builtin ? t("avatars.builtin") : t(`avatars.kind.${avatar.kind}`);
  const words = h(
    "div",
    { class: "stack tight person-words" },
    h("h3", { class: "clip" }, name),
    h(
      "div",
      { class: "row wrap" },
      pill(kind, "plain"),
      avatar.is_shared ? sharedBadge(avatar.id) : null,
      warnings ? pill(t("avatars.warnings", { n: warnings }), "warn") : null,
    ),
    avatar.kind === "portrait" ? null : h("p", { class: "small-text muted" }, coverageText(report)),
    avatarVoice(avatar),
    avatarActions(avatar, () => void remove(), ondeleted),
  );
  el.append(avatarFace(avatar, el), words);
  return el;
}

/** @param {Avatar} avatar @param {() => void} remove @param {() => void} ondropped */
function avatarActions(avatar, remove, ondropped) {
  const { id, name } = avatar;
  const query = `avatar=${encodeURIComponent(avatar.id)}`;
  const bare = { bare: true, kind: "small" };
  return h(
    "div",
    { class: "row" },
    linkButton({ href: `/chat_system?${query}`, label: t("avatars.talk"), icon: "chat", ...bare }),
    linkButton({ href: `/video_generation?${query}`, label: t("avatars.video"), icon: "video", ...bare }),
    button({ icon: "info", label: t("avatars.details", { name }), onclick: () => showDetails(avatar), ...bare }),
    ...(avatar.is_shared
      ? [dropButton(id, name, ondropped)]
      : avatar.is_builtin
        ? []
        : [
            shareButton({ kind: "avatar", id, name }),
            button({ icon: "trash", label: t("avatars.delete", { name }), onclick: remove, ...bare }),
          ]),
  );
}

/** @param {Avatar} avatar */
function showDetails(avatar) {
  const facts = h(
    "dl",
    { class: "facts-list num" },
    h("dt", null, t("detail.size")),
    h("dd", null, `${avatar.width} × ${avatar.height} · ${formatNumber(avatar.fps, 2)} fps`),
    h("dt", null, t("detail.engine")),
    h("dd", null, avatar.engine),
    h("dt", null, t("detail.made")),
    h("dd", null, timeElement(avatar.created_at)),
    h("dt", null, t("detail.id")),
    h("dd", { class: "mono" }, avatar.id),
  );
  const body = h(
    "div",
    { class: "stack" },
    avatarReport(avatar.report, avatar.kind),
    facts,
    consentFacts("avatar", avatar.id),
  );
  openDialog({ title: avatar.name, body: [body] });
}
