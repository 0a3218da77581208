// @ts-check
// Entry point: starts the frame, the routes and the event stream.
import { accountPage } from "./account/account_page.js";
import { guardSignIn } from "./account/sign_in_dialog.js";
import { passwordPage } from "./account/password_page.js";
import { setUpPage } from "./account/set_up_page.js";
import { signInPage } from "./account/sign_in_page.js";
import { adminPage } from "./admin/admin_page.js";
import { avatarsPage } from "./avatars/avatars_page.js";
import { batchPage } from "./batch/batch_page.js";
import { chatPage } from "./chat/chat_page.js";
import { appShell } from "./components/app_shell.js";
import { guardDrops } from "./components/file_input.js";
import { isOpenPage, signInAddress, startAccount } from "./core/account.js";
import { takeMediaUpAgain } from "./core/media_again.js";
import { startRouter } from "./core/router.js";
import { startSystemPolling } from "./core/server_state.js";
import { dubbingPage } from "./dubbing/dubbing_page.js";
import { homePage } from "./home/home_page.js";
import { notFoundPage } from "./home/not_found_page.js";
import { startEventStream } from "./jobs/job_store.js";
import { jobsPage } from "./jobs/jobs_page.js";
import { sharedPage } from "./sharing/shared_page.js";
import { systemPage } from "./system/system_page.js";
import { trainingPage } from "./training/training_page.js";
import { verifyPage } from "./verify/verify_page.js";
import { videoPage } from "./video/video_page.js";
import { voicesPage } from "./voices/voices_page.js";

const app = document.getElementById("app");
if (!app) throw new Error("index.html has no #app");
const main = appShell(app);
guardDrops();
takeMediaUpAgain();
if (await startAccount()) {
  startEventStream();
  await startSystemPolling(); // pages show the server's limits
} else if (!isOpenPage(location.pathname)) history.replaceState(null, "", signInAddress());
guardSignIn();
startRouter(main, {
  "/": { key: "home", draw: homePage },
  "/chat_system": { key: "chat", draw: chatPage },
  "/video_generation": { key: "video", draw: videoPage },
  "/model_training": { key: "training", draw: trainingPage },
  "/avatars": { key: "avatars", draw: avatarsPage },
  "/voices": { key: "voices", draw: voicesPage },
  "/batches": { key: "batches", draw: batchPage },
  "/dubbing": { key: "dubbing", draw: dubbingPage },
  "/jobs": { key: "jobs", draw: jobsPage },
  "/verify": { key: "verify", draw: verifyPage },
  "/system": { key: "system", draw: systemPage },
  "/sign-in": { key: "sign_in", draw: signInPage },
  "/setup": { key: "set_up", draw: setUpPage },
  "/password": { key: "password", draw: passwordPage },
  "/account": { key: "account", draw: accountPage },
  "/admin": { key: "admin", draw: adminPage },
  "/shared/*": { key: "shared", draw: sharedPage },
  "/404": { key: "not_found", draw: notFoundPage },
});
