// @ts-check
// The scenes of a video in their order: added, split, moved, deleted and taken back.
import { announce } from "../components/announcements.js";
import { button, fill, h, reveal } from "../core/dom.js";
import { latestSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { lengthAndCount } from "./length_and_count.js";
import { sceneCard } from "./scene_card.js";
import { dragScene } from "./scene_drag.js";
import { newScene, splitScene } from "./script.js";

/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {import("./scene_card.js").SceneCard} SceneCard */

const DEFAULT_SCENES = 200;

/** Most scenes of one video. */
const sceneLimit = () => latestSystem()?.limits.scenes ?? DEFAULT_SCENES;

export class SceneList {
  /** @param {Studio} studio */
  constructor(studio) {
    this.studio = studio;
    this.scenes = studio.script.scenes;
    /** @type {Map<string, SceneCard>} */
    this.cards = new Map();
    this.list = h("ol", { class: "scenes" });
    this.undo = h("div", { class: "undo-place" });
    this.add = button({ icon: "plus", label: t("scene.add"), onclick: () => this.append(this.scenes.length - 1) });
    for (const scene of this.scenes) this.list.append(this.cardOf(scene).el);
    this.number();
    const foot = h("div", { class: "row wrap apart scene-foot" }, this.add, lengthAndCount(studio));
    this.el = h("div", { class: "stack scene-list" }, this.list, this.undo, foot);
  }

  /** @param {Scene} scene @returns {SceneCard} */
  cardOf(scene) {
    const known = this.cards.get(scene.key);
    if (known) return known;
    const card = sceneCard(scene, this.studio, {
      split: (one) => this.split(one),
      remove: (one) => this.remove(one),
      move: (one, by) => this.move(one, by),
      drag: (one, e) => this.drag(one, e),
    });
    this.cards.set(scene.key, card);
    return card;
  }

  /** Shows the numbers anew; the cards stay where they are. */
  number() {
    this.scenes.forEach((scene, i) => this.cardOf(scene).place(i, this.scenes.length));
    this.list.classList.toggle("single", this.scenes.length === 1);
    this.add.disabled = this.scenes.length >= sceneLimit();
  }

  orderChanged() {
    fill(this.undo);
    this.number();
    this.studio.changed();
  }

  /** @param {Scene} scene @param {number} at */
  insert(scene, at) {
    this.scenes.splice(at, 0, scene);
    this.list.insertBefore(this.cardOf(scene).el, this.list.children[at] ?? null);
    this.orderChanged();
  }

  isFull() {
    const n = sceneLimit();
    if (this.scenes.length < n) return false;
    announce(t("scene.most", { n }));
    return true;
  }

  /** An empty scene after another one. @param {number} after */
  append(after) {
    if (this.isFull()) return;
    const scene = newScene(this.scenes[after]);
    this.insert(scene, after + 1);
    this.cardOf(scene).focus();
    reveal(this.cardOf(scene).el);
    announce(t("scene.added", { n: after + 2 }));
  }

  /** Cuts a scene at the caret; at an end of the text and in a recording an empty one follows. @param {Scene} scene */
  split(scene) {
    const index = this.scenes.indexOf(scene);
    const at = this.cardOf(scene).caret();
    if (at === null || !scene.text.slice(0, at).trim() || !scene.text.slice(at).trim()) return this.append(index);
    if (this.isFull()) return;
    const second = splitScene(scene, at);
    this.insert(second, index + 1);
    this.cardOf(scene).refresh();
    const card = this.cardOf(second);
    card.focus();
    card.el.querySelector("textarea")?.setSelectionRange(0, 0);
    announce(t("scene.split.done", { n: index + 1, next: index + 2 }));
  }

  /** @param {Scene} scene */
  remove(scene) {
    const index = this.scenes.indexOf(scene);
    this.scenes.splice(index, 1);
    this.cardOf(scene).el.remove();
    this.orderChanged();
    const words = t("scene.removed", { n: index + 1 });
    const onclick = () => this.restore(scene, Math.min(index, this.scenes.length));
    const back = button({ icon: "undo", label: t("scene.undo"), kind: "small", onclick });
    fill(this.undo, h("p", { class: "grow" }, words), back);
    back.focus();
    announce(words);
  }

  /** @param {Scene} scene @param {number} at */
  restore(scene, at) {
    this.insert(scene, at);
    this.cardOf(scene).focus();
    announce(t("scene.restored", { n: at + 1 }));
  }

  /** @param {Scene} scene @param {number} by */
  move(scene, by) {
    const from = this.scenes.indexOf(scene);
    const to = from + by;
    if (to < 0 || to >= this.scenes.length) return announce(t(by < 0 ? "scene.is_first" : "scene.is_last"));
    this.scenes.splice(from, 1);
    this.scenes.splice(to, 0, scene);
    const { el } = this.cardOf(scene);
    const other = this.list.children[to]; // moves around this one, which keeps the focus
    if (by < 0) el.after(other);
    else el.before(other);
    this.orderChanged();
    reveal(el);
    announce(t("scene.moved", { n: to + 1, of: this.scenes.length }));
  }

  /** @param {Scene} scene @param {PointerEvent} e */
  drag(scene, e) {
    dragScene(this.list, this.cardOf(scene).el, e, (isDone) => {
      if (!isDone) return announce(t("scene.drag.off"));
      const order = [...this.list.children].map((li) => /** @type {HTMLElement} */ (li).dataset.scene);
      const from = this.scenes.indexOf(scene);
      this.scenes.sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
      const to = this.scenes.indexOf(scene);
      if (from === to) return;
      this.orderChanged();
      announce(t("scene.moved", { n: to + 1, of: this.scenes.length }));
    });
  }
}
