// @ts-check
// A form that does one thing and tells beside its button what kept it.
import { problemOf } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { isAbort, problemCard } from "./problem_card.js";

/** Refusals of what was typed: one sentence beside the field says more than a card. */
const PLAIN = ["wrong-password", "weak-password", "name-taken", "too-many-attempts", "last-admin", "bad-request"];

/** What is wrong with what was typed, or the whole problem. @param {unknown} error */
export function formProblem(error) {
  const body = problemOf(error);
  if (!PLAIN.includes(body.reason)) return problemCard(error);
  const text = [body.detail, body.hint].filter(Boolean).join(" ");
  return h(
    "p",
    { class: "form-problem", role: "alert", "data-reason": body.reason },
    icon("alert"),
    h("span", null, text),
  );
}

/**
 * @param {string} label of the button
 * @param {(Node | null)[]} fields
 * @param {() => Promise<unknown>} work what it does; a failure is shown and what was typed stays
 * @param {{kind?: string, icon?: string, beside?: Node[]}} [options] `beside`: other buttons
 */
export function submitForm(label, fields, work, { kind = "primary", icon: name, beside = [] } = {}) {
  const problem = h("div", { class: "problem-place" });
  const go = h("button", { type: "submit", class: `button ${kind}` }, name ? icon(name) : null, label);
  let isBusy = false;
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    if (isBusy) return;
    isBusy = true;
    go.setAttribute("aria-disabled", "true"); // keeps the focus, unlike `disabled`
    fill(problem);
    try {
      await work();
    } catch (error) {
      if (!isAbort(error)) fill(problem, formProblem(error));
    }
    isBusy = false;
    go.removeAttribute("aria-disabled");
  };
  const buttons = h("div", { class: "row wrap" }, go, ...beside);
  return h("form", { class: "stack", on: { submit } }, ...fields, problem, buttons);
}
