// The frame of the messages: channels, users, tabs, and the drawer of narrow windows.
import { go } from "./live.js";
import { say } from "./place.js";

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const drawer = event.target.closest("[data-drawer]");
  if (drawer) return toggle(drawer.dataset.drawer === "open");
  const link = event.target.closest("[data-go], a[data-as], [data-tab]");
  if (!link) {
    if (!event.target.closest(".sidebar")) toggle(false, { keepsFocus: true });
    return;
  }
  event.preventDefault();
  toggle(false, { keepsFocus: true });
  if (link.dataset.message) show(link.dataset);
  else if (link.dataset.go) go({ channel: link.dataset.go });
  else if (link.dataset.as) go({ user: link.dataset.as });
  else go({ tab: link.dataset.tab });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("drawer-is-open")) toggle(false);
});

// Opens the channel of a linked message, and scrolls to it.
async function show({ go: channel, message }) {
  await go({ channel });
  const entry = document.querySelector(`article[data-ts="${message}"]`);
  if (!entry) return say("This message was deleted.");
  entry.scrollIntoView();
  entry.focus({ preventScroll: true });
  return undefined;
}

function toggle(isOpen, { keepsFocus = false } = {}) {
  const wasOpen = document.body.classList.contains("drawer-is-open");
  document.body.classList.toggle("drawer-is-open", isOpen);
  if (isOpen) document.querySelector(".drawer-close").focus();
  else if (wasOpen && !keepsFocus) document.querySelector(".drawer-open").focus();
}
