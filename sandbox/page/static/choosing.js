// Selects, pickers, checkboxes, and selects whose options the app suggests while the user types.
import { act } from "./place.js";
import { asks, placeOf } from "./pressing.js";
import { valueOf } from "./values.js";

const SETTLED = 500; // a date is typed in three steps, each of which is a change
const TYPED = 180;
const waiting = new WeakMap();

document.addEventListener("change", (event) => {
  const element = event.target.closest("[data-value]");
  if (!element || !notifies(element) || element.dataset.value === "offered") return;
  const isTyped = element.matches("input:not([type=checkbox], [type=radio])");
  later(element, isTyped ? SETTLED : 0, () => choose(element));
});
document.addEventListener("input", (event) => {
  const field = event.target.closest("[role=combobox][data-value=offered]");
  if (!field) return;
  field.dataset.kept = "";
  later(field, TYPED, () => suggest(field));
});
document.addEventListener("focusin", (event) => {
  const field = event.target.closest("[role=combobox][data-value=offered]");
  if (field && !field.value) suggest(field);
});
document.addEventListener("focusout", (event) => {
  const combo = event.target.closest(".combo");
  if (combo && !combo.contains(event.relatedTarget)) hide(combo);
});
document.addEventListener("mousedown", (event) => {
  const option = event.target.closest(".combo [role=option]");
  if (!option) return;
  event.preventDefault();
  take(option);
});
document.addEventListener("keydown", (event) => {
  const field = event.target.closest("[role=combobox][data-value=offered]");
  const list = field?.closest(".combo").querySelector("[role=listbox]");
  if (!list || list.hidden) return;
  const options = [...list.querySelectorAll("[role=option]")];
  const at = options.findIndex((one) => one.ariaSelected === "true");
  if (event.key === "ArrowDown") mark(field, options, (at + 1) % options.length);
  else if (event.key === "ArrowUp") mark(field, options, (at - 1 + options.length) % options.length);
  else if (event.key === "Enter" && options[at]) take(options[at]);
  else if (event.key === "Escape") hide(field.closest(".combo"));
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// Scroll a menu into view that opens near the end of a form or of the channel.
document.addEventListener("toggle", ({ target }) => {
  if (target.matches("details.menu[open]")) target.querySelector(".menu-list").scrollIntoView({ block: "nearest" });
}, true);

// Show all selected options in the closed menu.
document.addEventListener("change", (event) => {
  const summary = event.target.closest(".multi")?.querySelector("summary");
  if (!summary) return;
  const chosen = [...summary.parentElement.querySelectorAll(":checked ~ span > .words")];
  summary.replaceChildren(...chosen.map((words) => {
    const chip = document.createElement("span");
    chip.className = "chip";
    chip.textContent = words.textContent;
    return chip;
  }));
  if (!chosen.length) summary.textContent = summary.dataset.empty;
});

const notifies = (element) => element.hasAttribute("data-notifies") || element.closest(".input")?.hasAttribute("data-notifies");

function later(element, milliseconds, then) {
  clearTimeout(waiting.get(element));
  waiting.set(element, setTimeout(then, milliseconds));
}

async function choose(element) {
  const { block, action } = element.dataset;
  const owner = element.closest("[data-chooser]") ?? element;
  if (await asks(owner)) await act("choose", { ...placeOf(element), block, action, value: valueOf(element) });
}

async function suggest(field) {
  const combo = field.closest(".combo");
  if (field.value.length < Number(combo.dataset.least)) return hide(combo);
  const { block, action } = field.dataset;
  const result = await act("suggest", { ...placeOf(field), block, action, typed: field.value, id: field.id });
  if (!result || field.dataset.kept || document.activeElement !== field) return undefined;
  const list = combo.querySelector("[role=listbox]");
  list.innerHTML = result.options;
  list.hidden = false;
  list.scrollIntoView({ block: "nearest" });
  field.ariaExpanded = "true";
  return undefined;
}

function mark(field, options, at) {
  options.forEach((one, place) => { one.ariaSelected = String(place === at); });
  field.setAttribute("aria-activedescendant", options[at]?.id ?? "");
  options[at]?.scrollIntoView({ block: "nearest" });
}

function take(option) {
  const combo = option.closest(".combo");
  const field = combo.querySelector("[role=combobox]");
  clearTimeout(waiting.get(field)); // nothing more is looked for
  field.value = option.firstChild.textContent;
  field.dataset.kept = option.dataset.option;
  hide(combo);
  if (notifies(field)) choose(field);
}

function hide(combo) {
  combo.querySelector("[role=listbox]").hidden = true;
  const field = combo.querySelector("[role=combobox]");
  field.ariaExpanded = "false";
  field.removeAttribute("aria-activedescendant");
}
