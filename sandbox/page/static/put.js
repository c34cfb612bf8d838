// Replaces redrawn elements and keeps the scroll position and the focus.
import { openThread, unfold } from "./folds.js";

const scroller = document.getElementById("scroller");
const messages = document.getElementById("messages");
const drawn = new Map(); // what each part of the page was made from
// The user's last action: the message of the click, and whether an answer is expected.
let pressed = "";
let replied = ""; // the message whose thread they just wrote into
let isAwaited = false;

export function awaitAnswer(key = "") {
  pressed = key;
  isAwaited = true;
}

export function awaitReply(thread) {
  replied = `m-${thread}`;
  openThread(thread);
}

export function replace(element, html) {
  if (drawn.get(element) === html) return;
  const focused = element.contains(document.activeElement) ? trace(document.activeElement, element) : null;
  element.innerHTML = html;
  drawn.set(element, html);
  if (focused) (element.querySelectorAll("a, button")[focused.place] ?? element).focus?.();
  element.querySelector("[data-reveal]")?.scrollIntoView({ block: "nearest" });
}

// `isElsewhere`: the messages are of another conversation or user than before.
export function putMessages(html, isElsewhere) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  unfold(fresh.content);
  const items = [...fresh.content.children];
  const atEnd = isAwaited || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  const before = new Map([...messages.children].map((item) => [item.id, item]));
  const newest = items.filter((item) => !before.has(item.id) || isElsewhere).at(-1);
  if (isElsewhere) messages.replaceChildren(...items);
  else merge(items, before);
  if (isElsewhere) scroller.scrollTop = items[0]?.id === "home" ? 0 : scroller.scrollHeight;
  else if (newest && atEnd) reveal(newest);
  if (newest) isAwaited = false;
}

// Keeps elements that did not change.
function merge(items, before) {
  const wanted = new Set(items.map((item) => item.id));
  for (const [id, item] of before) if (!wanted.has(id)) drop(item);
  let last = null;
  for (const item of items) {
    const old = before.get(item.id);
    if (!old) last ? last.after(item) : messages.prepend(item);
    else if (old.dataset.version !== item.dataset.version) change(old, item);
    last = document.getElementById(item.id);
  }
}

function drop(item) {
  const next = item.contains(document.activeElement);
  item.remove();
  if (next) document.getElementById("typed").focus();
}

function change(old, item) {
  const focused = old.contains(document.activeElement) ? trace(document.activeElement, old) : null;
  old.replaceWith(item);
  if (focused) find(item, focused).focus({ preventScroll: true });
  if (replied === item.id) {
    replied = "";
    item.scrollIntoView({ block: "end" });
  } else if (pressed === item.id) {
    pressed = "";
    if (item.getBoundingClientRect().top < scroller.getBoundingClientRect().top) reveal(item);
  }
}

// Shows the start of a message that is taller than the window, and the end of any other.
function reveal(item) {
  item.scrollIntoView({ block: item.offsetHeight > scroller.clientHeight - 40 ? "start" : "end" });
}

// Returns a selector that finds a control again in the replaced message.
function trace(element, container) {
  const owner = element.closest("[data-action]");
  const place = [...container.querySelectorAll("a, button, input, select, textarea, summary")].indexOf(element);
  return { action: owner?.dataset.action, block: owner?.dataset.block, label: element.textContent, place };
}

function find(item, { action, block, label }) {
  const controls = [...item.querySelectorAll("[data-action]")].filter((one) => one.dataset.action === action);
  const owner = controls.find((one) => one.dataset.block === block) ?? controls[0];
  const inside = owner ? [owner, ...owner.querySelectorAll("a, button, input, select, summary")] : [];
  const focusable = inside.filter((one) => one.matches("a, button, input, select, textarea, summary"));
  return focusable.find((one) => one.textContent === label) ?? focusable[0] ?? item.querySelector("article") ?? item;
}
