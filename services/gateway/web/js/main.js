// @ts-check
// Starts the page: frame, routes, event stream.
import { keepSystemFresh } from "./core/facts.js";
import { start } from "./core/jobs.js";
import { route } from "./core/router.js";
import { avatarsPage } from "./pages/avatars.js";
import { chatPage } from "./pages/chat.js";
import { homePage } from "./pages/home.js";
import { jobsPage } from "./pages/jobs.js";
import { lostPage } from "./pages/lost.js";
import { systemPage } from "./pages/system.js";
import { trainingPage } from "./pages/training.js";
import { videoPage } from "./pages/video.js";
import { voicesPage } from "./pages/voices.js";
import { guardDrops } from "./parts/files.js";
import { frame } from "./parts/frame.js";

const app = document.getElementById("app");
if (!app) throw new Error("index.html has no #app");
const main = frame(app);
guardDrops();
start();
await keepSystemFresh(); // pages tell the server's limits
route(main, {
  "/": { key: "home", draw: homePage },
  "/chat_system": { key: "chat", draw: chatPage },
  "/video_generation": { key: "video", draw: videoPage },
  "/model_training": { key: "training", draw: trainingPage },
  "/avatars": { key: "avatars", draw: avatarsPage },
  "/voices": { key: "voices", draw: voicesPage },
  "/jobs": { key: "jobs", draw: jobsPage },
  "/system": { key: "system", draw: systemPage },
  "/404": { key: "lost", draw: lostPage },
});
