// @ts-check
import common from "./common.js";
import talk from "./chat.js";
import make from "./video.js";
import manage from "./management.js";
import train from "./training.js";
import voice from "./voices.js";
import report from "./avatar_report.js";
import fallback from "./fallbacks.js";

export const en = { ...common, ...talk, ...make, ...manage, ...train, ...voice, ...report, ...fallback };
