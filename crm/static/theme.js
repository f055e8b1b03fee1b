// Runs before the first paint: who has chosen no theme gets the device's, and goes on following it.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  if (root.hasAttribute("data-bs-theme")) return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  follow();
  dark.addEventListener("change", follow);
})();
