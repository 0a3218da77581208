// @ts-check
// What can be rendered: avatars as they are, and the models trained on them.

import { fetchAvatars, fetchEngines, fetchModels } from "../core/server_state.js";

/** @typedef {import("../core/types.js").AvatarChoice} AvatarChoice */
/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Engine} Engine */
/** @typedef {import("../core/types.js").Model} Model */

/** Render engines by name; empty when they cannot be fetched. @returns {Promise<Map<string, Engine>>} */
async function renderEngines() {
  const { items } = await fetchEngines().catch(() => ({ items: [] }));
  return new Map(items.filter((e) => e.service === "render").map((e) => [e.name, e]));
}

/**
 * All choices: each avatar, followed by the models trained on it.
 * @param {{liveOnly?: boolean}} [options] `liveOnly`: without avatars whose engine only makes videos
 * @returns {Promise<AvatarChoice[]>}
 */
export async function avatarChoices({ liveOnly = false } = {}) {
  // without the models the avatars can still be used
  const [avatars, models, engines] = await Promise.all([
    fetchAvatars(),
    fetchModels().catch(() => []),
    renderEngines(),
  ]);
  const own = avatars
    .filter((avatar) => !liveOnly || !engines.get(avatar.engine)?.videos_only)
    .flatMap((avatar) => {
      const plain = { key: choiceKey(avatar.id, ""), name: avatar.name, avatar, model: null };
      const trained = models
        .filter((m) => !m.is_builtin && m.avatar_id === avatar.id)
        .map((model) => ({ key: choiceKey(avatar.id, model.id), name: model.name, avatar, model }));
      return engines.get(avatar.engine)?.needs_model ? trained : [plain, ...trained];
    });
  return liveOnly ? own : [...own, ...models.filter((m) => m.is_shared).map((m) => sharedChoice(m, avatars[0]))];
}

/** Another person's model; its avatar is not shown. @param {Model} model @param {Avatar} like */
const sharedChoice = (model, like) => ({
  key: choiceKey("", model.id),
  name: model.name,
  avatar: { ...like, id: "", name: model.name, thumbnail_url: model.preview_url ?? "", idle_url: null, voice_id: null },
  model,
});

/** Whether an engine can answer in the chat. @param {string} engine */
export const answersLive = async (engine) => !(await renderEngines()).get(engine)?.videos_only;

/** @param {string} avatar id @param {string} model id, "" for none */
const choiceKey = (avatar, model) => (model ? `${avatar}+${model}` : avatar);

/**
 * The choice named in the address, otherwise the remembered one, otherwise the first.
 * @param {AvatarChoice[]} all @param {URLSearchParams} query @param {string} remembered a key
 */
export function requestedChoice(all, query, remembered) {
  const [model, avatar] = [query.get("model"), query.get("avatar")];
  const wanted = (/** @type {AvatarChoice} */ choice) =>
    model ? choice.model?.id === model : choice.key === (avatar || remembered);
  return all.find(wanted) ?? all[0];
}
