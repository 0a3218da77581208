// @ts-check
import common from "./common.js";
import chat from "./chat.js";
import video from "./video.js";
import management from "./management.js";
import training from "./training.js";
import voices from "./voices.js";
import avatarReport from "./avatar_report.js";
import fallbacks from "./fallbacks.js";
import speech from "./speech.js";
import live from "./live.js";

export const en = {
  ...common,
  ...chat,
  ...video,
  ...management,
  ...training,
  ...voices,
  ...avatarReport,
  ...fallbacks,
  ...speech,
  ...live,
};
