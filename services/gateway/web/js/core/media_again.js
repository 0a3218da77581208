// @ts-check
// Takes a video or sound up again when reading it broke off: a link of the bucket that the gateway redirected to has
// ended while the player was paused. The address itself leads to a new one.

const AGAIN_MS = 60_000; // an error that comes back sooner is another one, and is left to whoever shows the player

/** @type {WeakMap<HTMLMediaElement, number>} */
const taken = new WeakMap();

/** Watches all players of the page, those that are still to come too. */
export function takeMediaUpAgain() {
  document.addEventListener(
    "error",
    (event) => {
      const media = event.target;
      if (!(media instanceof HTMLMediaElement) || media.error?.code !== MediaError.MEDIA_ERR_NETWORK) return;
      if (!isSignedLink(media.currentSrc)) return;
      const now = performance.now();
      if (now - (taken.get(media) ?? -AGAIN_MS) < AGAIN_MS) return;
      taken.set(media, now);
      event.stopPropagation();
      const at = media.currentTime;
      const goesOn = !media.paused;
      media.load();
      media.currentTime = at;
      if (goesOn) media.play().catch(() => {}); // it was stopped in the meantime
    },
    true, // errors of players do not bubble
  );
}

/** @param {string} address */
function isSignedLink(address) {
  return address.startsWith(`${location.origin}/api/`) && address.includes("sig=");
}
