// @ts-check
// Runs before the first paint, so that a chosen theme does not flash.
(() => {
  try {
    const theme = JSON.parse(localStorage.getItem("huasheng.theme") || '"auto"');
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is blocked (private mode): the system's theme applies.
  }
})();
