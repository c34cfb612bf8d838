// Sets the theme before the first paint: the chosen one, or the system's. Shows notification texts.
(() => {
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = localStorage.getItem("theme") ?? (prefersDark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = chosen;
  };
  prefersDark.addEventListener("change", apply);
  const root = document.documentElement;
  root.toggleAttribute("data-notifications", localStorage.getItem("notifications") === "shown");
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-notifications-toggle]")) {
      localStorage.setItem("notifications", root.toggleAttribute("data-notifications") ? "shown" : "");
    }
    if (!event.target.closest("[data-theme-toggle]")) return;
    const is = document.documentElement.dataset.theme;
    localStorage.setItem("theme", is === "dark" ? "light" : "dark");
    apply();
  });
  apply();
})();
