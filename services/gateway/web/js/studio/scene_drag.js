// @ts-check
// Moving a scene with the pointer: mouse, pen or finger.

const EDGE_PX = 90; // near the edge of the screen the page scrolls
const SCROLL_PX = 14;

/**
 * Follows the pointer from `start` until it is let go, and moves the other scenes around the dragged one: it stays in
 * the document, so neither the focus nor the pointer is lost.
 * @param {HTMLElement} list @param {HTMLElement} dragged @param {PointerEvent} start
 * @param {(isDone: boolean) => void} onend false: taken back with Escape
 */
export function dragScene(list, dragged, start, onend) {
  if (start.button || !start.isPrimary) return;
  start.preventDefault(); // no selection of text
  const before = [...list.children];
  const end = new AbortController();
  const { signal } = end;
  let y = start.clientY;
  dragged.classList.add("dragged");

  const place = () => {
    const previous = dragged.previousElementSibling;
    const next = dragged.nextElementSibling;
    if (previous && y < middle(previous)) dragged.after(previous);
    else if (next && y > middle(next)) dragged.before(next);
  };
  const scroll = () => {
    if (signal.aborted) return;
    if (y < EDGE_PX) scrollBy(0, -SCROLL_PX);
    if (y > innerHeight - EDGE_PX) scrollBy(0, SCROLL_PX);
    place();
    requestAnimationFrame(scroll);
  };
  const stop = (/** @type {boolean} */ isDone) => {
    end.abort();
    dragged.classList.remove("dragged");
    if (!isDone) for (const el of before) if (el !== dragged) putBack(el);
    onend(isDone);
  };
  /** @param {Element} el */
  function putBack(el) {
    if (before.indexOf(el) < before.indexOf(dragged)) dragged.before(el);
    else list.append(el);
  }
  document.addEventListener(
    "pointermove",
    (e) => {
      if (e.pointerId !== start.pointerId) return;
      y = e.clientY;
      place();
    },
    { signal },
  );
  document.addEventListener("pointerup", (e) => e.pointerId === start.pointerId && stop(true), { signal });
  document.addEventListener("pointercancel", (e) => e.pointerId === start.pointerId && stop(false), { signal });
  document.addEventListener("keydown", (e) => e.key === "Escape" && stop(false), { signal });
  requestAnimationFrame(scroll);
}

/** @param {Element} el */
function middle(el) {
  const { top, height } = el.getBoundingClientRect();
  return top + height / 2;
}
