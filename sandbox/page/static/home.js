// The tabs of the app: reports the one that the user opens.
import { act } from "./place.js";

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("[data-tab], [data-go='dm']");
  if (link) act("open", { tab: link.dataset.tab ?? "messages" });
});
