// @ts-check
// Sharing a thing of one's own: with all members, or with whoever has the link.
import { copyText, toast } from "../components/announcements.js";
import { openDialog } from "../components/dialog.js";
import { field, select } from "../components/form.js";
import { note, pill } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { secretBox } from "../components/secret_box.js";
import { submitForm } from "../components/submit_form.js";
import { account } from "../core/account.js";
import { call, list } from "../core/api.js";
import { button, h, icon } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/account_types.js").Share} Share */
/** @typedef {import("../core/account_types.js").SharedKind} SharedKind */
/** @typedef {{kind: SharedKind, id: string, name: string}} Thing */

const AUDIENCES = /** @type {const} */ (["members", "link"]);
const DAYS = ["7", "30", "365", ""];

/** The button that opens the dialog; nothing where there are no accounts. @param {Thing} thing @param {any} [look] */
export const shareButton = (thing, look = { bare: true, kind: "small" }) =>
  account()
    ? button({
        icon: "share",
        label: look.bare ? t("share.name", { name: thing.name }) : t("share"),
        onclick: () => openShareDialog(thing),
        ...look,
      })
    : null;

/** @param {Thing} thing */
function openShareDialog(thing) {
  /** @type {import("../components/loadable.js").Loadable} */
  const body = loadable(
    async () => {
      const all = /** @type {Share[]} */ (await list("/shares"));
      return all.filter((s) => s.kind === thing.kind && s.resource_id === thing.id);
    },
    (shares) => [
      h("p", { class: "muted" }, t(`share.lead.${thing.kind}`)),
      ...AUDIENCES.map((audience) =>
        audienceCard(
          thing,
          audience,
          shares.find((s) => s.audience === audience),
          body.reload,
        ),
      ),
      thing.kind === "video" ? null : note(t("share.stays_yours")),
    ],
    { skeletons: 2, height: 96 },
  );
  openDialog({ title: t("share.name", { name: thing.name }), wide: 540, body: [body.el] });
}

/**
 * @param {Thing} thing @param {"members" | "link"} audience @param {Share | undefined} share
 * @param {() => Promise<void>} reload
 */
function audienceCard(thing, audience, share, reload) {
  let days = share?.expires_at ? "30" : "";
  const times = DAYS.map((value) => ({ value, label: value ? t("days", { n: value }) : t("share.forever") }));
  const until = field(
    t("share.until"),
    select(times, days, (value) => (days = value)),
  );
  const give = async () => {
    const body = { kind: thing.kind, id: thing.id, audience, days: days ? Number(days) : null };
    const made = /** @type {Share} */ (await call("POST", "/shares", { body }));
    await reload();
    if (made.link) await copyText(made.link);
    else toast(t("share.done"));
  };
  const label = share ? t("share.again") : t(`share.with.${audience}`);
  const form = submitForm(label, [until], give, { kind: share ? "" : "primary" });
  form.classList.add("share-form");
  return h(
    "section",
    { class: "card share-card", "data-audience": audience },
    h(
      "div",
      { class: "row apart" },
      h("h3", { class: "row" }, icon(audience === "link" ? "link" : "people"), t(`share.${audience}`)),
      share ? pill(t(share.is_over ? "share.over" : "share.on"), share.is_over ? "warn" : "good") : null,
    ),
    h("p", { class: "small-text muted" }, t(`share.${audience}.text`)),
    ...(share ? sharedNow(share, reload) : []),
    form,
  );
}

/** @param {Share} share @param {() => Promise<void>} reload */
function sharedNow(share, reload) {
  const end = submitForm(
    t("share.withdraw"),
    [],
    async () => {
      await withdraw(share.id);
      toast(t("share.withdrawn"));
      await reload();
    },
    { kind: "danger" },
  );
  return [
    share.link && !share.is_over ? secretBox(t("share.link.address"), share.link) : null,
    h("div", { class: "row wrap apart" }, h("p", { class: "small-text muted" }, ...shareTimes(share)), end),
  ];
}

/** Since when and until when. @param {{created_at: string, expires_at: string | null}} share */
export const shareTimes = ({ created_at, expires_at }) => [
  t("share.since"),
  " ",
  timeElement(created_at),
  " · ",
  ...(expires_at ? [t("share.ends"), " ", timeElement(expires_at)] : [t("share.forever")]),
];

/** Stops sharing, or takes another's thing out of one's list. @param {string} id of the share */
export const withdraw = (id) => call("DELETE", `/shares/${encodeURIComponent(id)}`);
