// @ts-check
// What an admin can do about a person.
import { toast } from "../components/announcements.js";
import { openDialog } from "../components/dialog.js";
import { fold } from "../components/fold.js";
import { field, select } from "../components/form.js";
import { note } from "../components/layout.js";
import { formProblem, submitForm } from "../components/submit_form.js";
import { account, shownName } from "../core/account.js";
import { call } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { formatDate } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { limitFields } from "../account/limit_fields.js";
import { linkShown, statePill } from "./person_parts.js";

/** @typedef {import("../core/account_types.js").User} User */

/** @param {User} first @param {() => Promise<void>} reload the list */
export function openPerson(first, reload) {
  const path = `/users/${encodeURIComponent(first.id)}`;
  let user = first;
  const body = h("div", { class: "stack" });
  const close = openDialog({ title: shownName(first), wide: 560, body: [body] });
  const change = async (/** @type {Partial<User>} */ values) => {
    user = await call("PATCH", path, { body: values });
    toast(t("person.changed", { name: user.name }));
    draw();
    await reload();
  };
  const draw = () =>
    fill(
      body,
      facts(user),
      roleForm(user, change),
      limitsFold(user, change),
      actions(user, path, { body, change, close, reload }),
    );
  draw();
}

/** @param {User} user */
const facts = (user) =>
  h(
    "dl",
    { class: "facts-list" },
    h("dt", null, t("sign_in.name")),
    h("dd", null, user.name),
    h("dt", null, t("people.state")),
    h("dd", null, statePill(user)),
    h("dt", null, t("person.since")),
    h("dd", null, formatDate(user.created_at)),
    h("dt", null, t("person.signs_in")),
    h("dd", null, waysOf(user)),
  );

/** @param {User} user */
function waysOf({ has_password, has_provider }) {
  const ways = [has_password ? t("person.by_password") : "", has_provider ? t("person.by_provider") : ""];
  return ways.filter(Boolean).join(" · ") || t("person.not_yet");
}

/** @param {User} user @param {(values: Partial<User>) => Promise<void>} change */
function roleForm(user, change) {
  let role = user.role;
  const roles = ["member", "admin"].map((value) => ({ value, label: t(`role.${value}`) }));
  const choose = select(roles, role, (value) => (role = /** @type {User["role"]} */ (value)));
  const form = submitForm(t("save"), [field(t("account.role"), choose)], () => change({ role }), {
    kind: "small",
  });
  form.classList.add("share-form");
  return h("div", { class: "stack tight" }, form, h("p", { class: "small-text muted" }, t("role.help")));
}

/** @param {User} user @param {(values: Partial<User>) => Promise<void>} change */
function limitsFold(user, change) {
  const limits = limitFields(null, user.limits);
  const form = submitForm(t("limits.save"), limits.elements, () => change({ limits: limits.values() }), {
    kind: "small",
  });
  return fold([t("limits")], h("div", { class: "inside" }, form));
}

/**
 * @typedef {object} Tools
 * @property {HTMLElement} body of the dialog
 * @property {(values: Partial<User>) => Promise<void>} change
 * @property {() => void} close
 * @property {() => Promise<void>} reload
 */

/** @param {User} user @param {string} path @param {Tools} tools */
function actions(user, path, { body, change, close, reload }) {
  const problem = h("div", { class: "problem-place" });
  const isMe = user.id === account()?.id;
  /** @param {string} label @param {string} kind @param {() => Promise<unknown> | void} work */
  const action = (label, kind, work) =>
    button({
      label,
      kind: `small ${kind}`,
      onclick: () => {
        fill(problem);
        Promise.resolve()
          .then(work)
          .catch((error) => fill(problem, formProblem(error)));
      },
    });
  const link = async () => {
    const made = await call("POST", `${path}/password-link`);
    fill(body, ...linkShown(user.name, made.link, close));
    body.querySelector("input")?.focus();
  };
  const out = async () => {
    await call("DELETE", `${path}/sessions`);
    toast(t("person.signed_out", { name: user.name }));
  };
  const toggle = () => change({ disabled: !user.disabled });
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "row wrap" },
      action(t("person.link"), "", link),
      action(t("person.sign_out"), "", out),
      isMe ? null : action(t(user.disabled ? "person.open" : "person.close"), "", toggle),
      isMe ? null : action(t("person.remove"), "danger", () => openRemoval(user, path, { close, reload })),
    ),
    problem,
  );
}

/** @param {User} user @param {string} path @param {{close: () => void, reload: () => Promise<void>}} after */
function openRemoval(user, path, after) {
  const typed = h("input", { class: "input", required: true, autocomplete: "off", spellcheck: "false" });
  const check = () =>
    typed.setCustomValidity(typed.value.trim().toLowerCase() === user.name ? "" : t("person.remove.other"));
  typed.addEventListener("input", check);
  check();
  const form = submitForm(
    t("person.remove.go"),
    [
      note(t("person.remove.text", { name: user.name }), { kind: "warn", icon: "alert" }),
      field(t("person.remove.name", { name: user.name }), typed),
    ],
    async () => {
      await call("DELETE", path);
      toast(t("person.removed", { name: user.name }));
      close();
      after.close();
      await after.reload();
    },
    { beside: [button({ label: t("keep"), onclick: () => close() })] },
  );
  const close = openDialog({ title: t("person.remove.title", { name: user.name }), wide: 460, body: [form] });
}
