// @ts-check
// Engines that replaced others, and engine states, in English.
export default {
  "fallback.asr": "Recognised by {used}: {why}.",
  "fallback.llm": "Answered by {used}: {why}.",
  "fallback.tts": "Spoken by {used}: {why}.",
  "fallback.voice": " You hear the voice {used} in place of {wanted}.",
  "fallback.and": ", ",
  "fallback.then": " ",
  "fallback.why.unreachable": "{engine} could not be reached",
  "fallback.why.slow": "{engine} took too long",
  "fallback.why.quota": "the quota of {engine} is used up",
  "fallback.why.busy": "{engine} is overloaded",
  "fallback.why.key": "{engine} has no valid key",
  "fallback.why.setup": "{engine} is not set up",
  "fallback.why.loading": "{engine} is still starting",
  "fallback.why.voice": "{engine} has no voice yet",
  "fallback.why.failed": "{engine} failed",
  "engine.resting": "asked last",
  "engine.trying": "being tried",
  "engine.rests": "It failed a moment ago. The engines after it are asked first; it is tried again in {time}.",
  "engine.tries": "It failed; the next request tries whether it works again.",
};
