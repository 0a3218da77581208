// @ts-check
// The Dubbing page: a film in another language. First its script, a table that is corrected here, then the film.
import { page, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { stepPath } from "../components/path.js";
import { t } from "../i18n/translate.js";
import { videoKinds } from "../video/video_kinds.js";
import { dubbingList } from "./dubbing_list.js";
import { newDubbing } from "./new_dubbing.js";
import { dubbingView } from "./dubbing_view.js";

const STEPS = ["start", "script", "check", "film"];

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function dubbingPage({ signal, query }) {
  const path = stepPath(
    t("dubbing.path"),
    STEPS.map((key) => ({ key, title: t(`dubbing.path.${key}`), text: t(`dubbing.path.${key}.text`) })),
  );
  path.el.classList.add("dubbing-path");
  const id = query.get("job");
  if (id) {
    const back = linkButton({ href: "/dubbing", label: t("dubbing.back"), icon: "back", kind: "quiet small" });
    const view = dubbingView(id, query.get("film") ?? "", signal, path.setStep);
    return page(t("nav.dubbing"), "", videoKinds("/dubbing", back), path.el, view);
  }
  return page(
    t("nav.dubbing"),
    t("dubbing.lead"),
    videoKinds("/dubbing"),
    path.el,
    newDubbing(signal, query.get("asset") ?? ""),
    section(t("dubbing.recent"), [], dubbingList(signal)),
  );
}
