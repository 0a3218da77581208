// @ts-check
// Entry point: starts the frame, the routes and the event stream.
import { avatarsPage } from "./avatars/avatars_page.js";
import { chatPage } from "./chat/chat_page.js";
import { appShell } from "./components/app_shell.js";
import { guardDrops } from "./components/file_input.js";
import { startRouter } from "./core/router.js";
import { startSystemPolling } from "./core/server_state.js";
import { homePage } from "./home/home_page.js";
import { notFoundPage } from "./home/not_found_page.js";
import { startEventStream } from "./jobs/job_store.js";
import { jobsPage } from "./jobs/jobs_page.js";
import { systemPage } from "./system/system_page.js";
import { trainingPage } from "./training/training_page.js";
import { videoPage } from "./video/video_page.js";
import { voicesPage } from "./voices/voices_page.js";

const app = document.getElementById("app");
if (!app) throw new Error("index.html has no #app");
const main = appShell(app);
guardDrops();
startEventStream();
await startSystemPolling(); // pages show the server's limits
startRouter(main, {
  "/": { key: "home", draw: homePage },
  "/chat_system": { key: "chat", draw: chatPage },
  "/video_generation": { key: "video", draw: videoPage },
  "/model_training": { key: "training", draw: trainingPage },
  "/avatars": { key: "avatars", draw: avatarsPage },
  "/voices": { key: "voices", draw: voicesPage },
  "/jobs": { key: "jobs", draw: jobsPage },
  "/system": { key: "system", draw: systemPage },
  "/404": { key: "not_found", draw: notFoundPage },
});
