// @ts-check
// Whether a language model is connected, without which nothing is translated; and how to connect one.
import { secretBox } from "../components/secret_box.js";
import { fold } from "../components/fold.js";
import { linkButton } from "../components/link_button.js";
import { fill, h, icon } from "../core/dom.js";
import { fetchCanTranslate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";

/** Two ways, as docs/engines.md has them. */
const WAYS = {
  hosted: "LLM_ENGINES=zhipu,faq LLM_ZHIPU_API_KEY=… make run",
  own: "LLM_ENGINES=openai,faq LLM_OPENAI_URL=http://127.0.0.1:11434/v1 LLM_OPENAI_MODEL=qwen3:8b make run",
};

/**
 * The note where none is connected; nothing where one is.
 * @param {AbortSignal} signal @param {(isMissing: boolean) => void} onknown
 */
export function languageModelNote(signal, onknown) {
  const el = h("div", { class: "note-place" });
  fetchCanTranslate().then(
    (canTranslate) => {
      if (signal.aborted) return;
      if (!canTranslate) fill(el, missingNote());
      onknown(!canTranslate);
    },
    () => {
      if (!signal.aborted) fill(el, h("p", { class: "small-text muted" }, t("captions.second.unknown")));
    },
  );
  return el;
}

const missingNote = () =>
  h(
    "div",
    { class: "stack tight no-model", role: "alert" },
    h(
      "div",
      { class: "note warn" },
      icon("alert"),
      h(
        "div",
        { class: "stack tight" },
        h("p", null, h("strong", null, t("dubbing.no_model"))),
        h("p", null, t("dubbing.no_model.why")),
      ),
    ),
    fold(
      [t("dubbing.no_model.how")],
      h(
        "div",
        { class: "inside stack" },
        secretBox(t("dubbing.no_model.hosted"), WAYS.hosted),
        secretBox(t("dubbing.no_model.own"), WAYS.own),
        h("p", { class: "small-text muted" }, t("dubbing.no_model.docs")),
        h("div", null, linkButton({ href: "/system", label: t("nav.system"), icon: "system", kind: "small" })),
      ),
    ),
  );
