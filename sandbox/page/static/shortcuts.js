// The shortcut menus of messages and of the message field.
import { act } from "./place.js";

let opener = null;
let ts = "";

// Runs before the browser opens the button's menu.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[popovertarget]");
  if (!button) return;
  opener = button;
  ts = button.closest("[data-ts]")?.dataset.ts ?? "";
}, true);

for (const menu of document.querySelectorAll(".shortcuts")) {
  menu.addEventListener("beforetoggle", ({ newState }) => {
    opener.toggleAttribute("data-opened", newState === "open");
    if (newState === "open") {
      showShortcuts(menu, !menu.querySelector("[data-more-shortcuts]"));
      place(menu);
    }
  });
  menu.addEventListener("toggle", ({ newState }) => newState === "closed" && giveBack(menu));
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Tab") menu.hidePopover();
    else if (move(menu, event.key)) event.preventDefault();
  });
  menu.addEventListener("click", (event) => {
    const item = event.target.closest("[data-shortcut]");
    if (item) choose(menu, item.dataset.shortcut);
    else if (event.target.closest("[data-more-shortcuts]")) {
      showShortcuts(menu, true);
      itemsOf(menu)[0].focus();
    }
  });
  menu.addEventListener("pointermove", ({ target }) => target.closest("[role=menuitem]")?.focus());
}
document.getElementById("scroller").addEventListener("scroll", () => {
  document.querySelector(".shortcuts:popover-open")?.hidePopover();
}, { passive: true });

const itemsOf = (menu) => [...menu.querySelectorAll("[role=menuitem]:not([hidden])")];

// As in Slack, the shortcuts of a message are one click further than its menu.
function showShortcuts(menu, isShown) {
  for (const item of menu.querySelectorAll("[data-shortcut]")) item.hidden = !isShown;
  menu.querySelector("[data-more-shortcuts]")?.toggleAttribute("hidden", isShown);
}

// Beside the button, on the side with more room.
function place(menu) {
  const { left, right, top, bottom } = opener.getBoundingClientRect();
  const isLow = top > innerHeight / 2;
  menu.style.setProperty("--top", isLow ? "auto" : `${bottom + 6}px`);
  menu.style.setProperty("--bottom", isLow ? `${innerHeight - top + 6}px` : "auto");
  menu.style.setProperty("--left", ts ? "auto" : `${left}px`);
  menu.style.setProperty("--right", ts ? `${innerWidth - right}px` : "auto");
}

// The message and its button may have been replaced.
function giveBack(menu) {
  if (document.activeElement !== document.body && !menu.contains(document.activeElement)) return;
  const again = document.querySelector(`[data-ts="${ts}"] [popovertarget]`);
  (opener.isConnected ? opener : again ?? document.getElementById("typed")).focus();
}

function move(menu, key) {
  const items = itemsOf(menu);
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[key];
  if (to === undefined) return false;
  items.at(to % items.length).focus();
  return true;
}

function choose(menu, name) {
  menu.hidePopover();
  act("shortcut", { name, ts });
}
