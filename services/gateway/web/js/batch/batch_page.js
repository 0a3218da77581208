// @ts-check
// The Batch page: a new batch, the batches there are, and one of them row by row.
import { page, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { t } from "../i18n/translate.js";
import { videoKinds } from "../video/video_kinds.js";
import { batchDetail } from "./batch_detail.js";
import { batchForm } from "./batch_form.js";
import { batchList } from "./batch_list.js";

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function batchPage({ signal, query }) {
  const id = query.get("batch");
  if (id) {
    const back = linkButton({ href: "/batches", label: t("batch.back"), kind: "quiet small" });
    return page(t("nav.batches"), "", section(t("batch.list"), [back], batchDetail(id, signal)));
  }
  return page(
    t("nav.batches"),
    t("batch.lead"),
    videoKinds("/batches"),
    section(t("batch.new"), [], batchForm(signal)),
    section(t("batch.list"), [], batchList(signal)),
  );
}
