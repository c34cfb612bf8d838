// The message field: completes commands and filters, and remembers what was typed.
import { awaitAnswer, awaitReply } from "./put.js";
import { act, here } from "./place.js";
import { completions } from "./words.js";

const form = document.getElementById("composer");
const field = document.getElementById("typed");
const list = document.getElementById("words");
const offered = document.getElementById("offered");
const lines = JSON.parse(sessionStorage.getItem("lines") ?? "[]");
let recalled = lines.length;
let offers = [];
let chosen = -1;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
field.addEventListener("input", () => {
  fit();
  offer();
});
field.addEventListener("blur", () => hide());
field.addEventListener("focus", () => offer());
field.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const isHeard = list.hidden ? alone(event) : choosing(event);
  if (isHeard) event.preventDefault();
});
list.addEventListener("mousedown", (event) => {
  event.preventDefault();
  const item = event.target.closest("[role=option]");
  if (item) take(Number(item.dataset.place));
});

// Fills the field with text for the user to send.
export function type(words) {
  field.value = words;
  field.focus();
  field.setSelectionRange(words.length, words.length);
  fit();
  hide();
}

function alone(event) {
  if (event.key === "Enter" && !event.shiftKey) return send();
  if (event.key === "ArrowUp" && isRecalling()) return recall(-1);
  if (event.key === "ArrowDown" && isRecalling()) return recall(1);
  return false;
}

function choosing(event) {
  if (event.key === "Enter" && !event.shiftKey) return chosen >= 0 ? take(chosen) : send();
  if (event.key === "ArrowUp" && chosen < 0 && isRecalling()) return recall(-1);
  if (event.key === "ArrowDown") return mark(chosen + 1);
  if (event.key === "ArrowUp") return mark(chosen - 1);
  if (event.key === "Tab" && event.shiftKey) return !hide();
  if (event.key === "Tab") return take(Math.max(chosen, 0));
  return event.key === "Escape" ? hide() : false;
}

function send() {
  const text = field.value.trim();
  if (!text) return true;
  if (lines.at(-1) !== text) lines.push(text);
  sessionStorage.setItem("lines", JSON.stringify(lines.slice(-50)));
  recalled = lines.length;
  type("");
  if (here.thread) awaitReply(here.thread);
  else awaitAnswer();
  act("say", { text, thread: here.thread });
  return true;
}

// Only if the field is empty, or contains an unchanged line of the history.
const isRecalling = () => !field.value || field.value === lines[recalled];

function recall(step) {
  const next = Math.min(Math.max(recalled + step, 0), lines.length);
  if (next === recalled) return field.value !== "";
  recalled = next;
  type(lines[recalled] ?? "");
  return true;
}

async function offer() {
  const typed = field.value.slice(0, field.selectionStart);
  offers = await completions(typed);
  if (document.activeElement !== field || typed !== field.value.slice(0, field.selectionStart)) return;
  if (!offers.length) return hide();
  list.replaceChildren(...offers.map(drawn));
  list.hidden = false;
  offered.textContent = `${offers.length} suggestions`;
  chosen = -1;
  list.scrollTop = 0;
  field.removeAttribute("aria-activedescendant");
}

function drawn({ shown, usage, summary }, place) {
  const item = document.createElement("li");
  Object.assign(item, { id: `word-${place}`, role: "option", ariaSelected: "false" });
  item.dataset.place = place;
  for (const [tag, words, name] of [["b", shown, ""], ["span", usage, "usage"], ["small", summary, ""]]) {
    if (!words) continue;
    const part = item.appendChild(document.createElement(tag));
    part.className = name;
    part.textContent = words;
  }
  return item;
}

function mark(place) {
  chosen = place < 0 ? offers.length - 1 : place % offers.length;
  [...list.children].forEach((item, at) => { item.ariaSelected = String(at === chosen); });
  field.setAttribute("aria-activedescendant", `word-${chosen}`);
  list.children[chosen].scrollIntoView({ block: "nearest" });
  return true;
}

function take(place) {
  const after = field.value.slice(field.selectionStart);
  const taken = offers[place].typed;
  type(taken + after);
  field.setSelectionRange(taken.length, taken.length);
  offer();
  return true;
}

function hide() {
  list.hidden = true;
  offered.textContent = "";
  field.removeAttribute("aria-activedescendant");
  chosen = -1;
  return true;
}

function fit() {
  form.classList.toggle("is-empty", !field.value.trim());
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

fit();
if (matchMedia("(min-width: 761px)").matches) field.focus();
hide();
