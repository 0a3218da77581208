// @ts-check
// What one stated, and withdrawing it.
import { toast } from "../components/announcements.js";
import { openDialog } from "../components/dialog.js";
import { emptyState, note, pill, section } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { submitForm } from "../components/submit_form.js";
import { call, list } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { fetchAvatars, fetchModels, fetchVoices, invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { consentWords } from "./consent_facts.js";

/** @typedef {import("../core/account_types.js").ConsentRecord} ConsentRecord */

/** @param {AbortSignal} signal */
export function consentSection(signal) {
  /** @type {import("../components/loadable.js").Loadable} */
  const place = loadable(
    async () => {
      const asked = /** @type {Promise<ConsentRecord[]>} */ (list("/consents", signal));
      const [all, names] = await Promise.all([asked, namesOfThings()]);
      return { all, names };
    },
    ({ all, names }) =>
      all.length
        ? h("ul", { class: "card rows" }, ...all.map((c) => consentRow(c, names.get(c.resource_id), place.reload)))
        : emptyState("check", t("consents.none")),
    { skeletons: 1, height: 72 },
  );
  return section(t("consents"), [], h("p", { class: "muted" }, t("consents.lead")), place.el);
}

/** Names by id; without a service the ids are shown. */
async function namesOfThings() {
  const [avatars, models, voices] = await Promise.all([
    fetchAvatars().catch(() => []),
    fetchModels().catch(() => []),
    fetchVoices().catch(() => []),
  ]);
  return new Map([
    ...avatars.map((a) => /** @type {[string, string]} */ ([a.id, a.name])),
    ...models.map((m) => /** @type {[string, string]} */ ([m.training_id ?? m.id, m.name])),
    ...voices.map((v) => /** @type {[string, string]} */ ([v.voice_id, v.name])),
  ]);
}

/** @param {ConsentRecord} record @param {string | undefined} name @param {() => Promise<void>} reload */
function consentRow(record, name, reload) {
  const { kind, resource_id, withdrawn_at } = record;
  const shown = name ?? resource_id;
  return h(
    "li",
    { class: "row wrap apart", "data-consent": record.id },
    h(
      "div",
      { class: "grow stack tight" },
      h(
        "p",
        { class: "row wrap" },
        h("strong", { class: "clip" }, shown),
        pill(t(`consent.kind.${kind}`), "plain"),
        withdrawn_at ? pill(t("consent.withdrawn"), "warn") : null,
      ),
      ...consentWords(record),
    ),
    withdrawn_at
      ? null
      : button({
          label: t("consent.withdraw"),
          kind: "small danger",
          "aria-label": t("consent.withdraw.title", { name: shown }),
          onclick: () => openWithdrawal(record, shown, reload),
        }),
  );
}

/** @param {ConsentRecord} record @param {string} name @param {() => Promise<void>} reload */
function openWithdrawal({ id, kind }, name, reload) {
  const gone = ["thing", "file", "jobs"].map((what) => h("li", null, t(`consent.gone.${kind}.${what}`)));
  const form = submitForm(
    t("consent.withdraw.go"),
    [
      note(t("consent.withdraw.text"), { kind: "warn", icon: "alert" }),
      h("ul", { class: "plain-list" }, ...gone),
      h("p", null, t("consent.stays")),
    ],
    async () => {
      await call("POST", `/consents/${encodeURIComponent(id)}/withdrawal`);
      for (const key of /** @type {const} */ (["consents", "avatars", "models", "voices"])) invalidate(key);
      close();
      toast(t("consent.withdrawn.done"));
      await reload();
    },
    { beside: [button({ label: t("keep"), onclick: () => close() })] },
  );
  const close = openDialog({ title: t("consent.withdraw.title", { name }), wide: 480, body: [form] });
}
