// The tabs of the app: it is told which one somebody opens.
import { act } from "./place.js";

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("[data-tab], [data-go='dm']");
  if (link) act("open", { tab: link.dataset.tab ?? "messages" });
});
