// Buttons and overflow menus, with their confirm dialogs.
import { act } from "./place.js";
import { awaitAnswer } from "./put.js";
import { formIn } from "./modal.js";
import { valuesIn } from "./values.js";

const dialog = document.getElementById("confirm");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-press] a, [data-press] button");
  if (button) press(button.closest("[data-press]"), button);
  closeMenus(event.target);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest("details.menu[open]");
  if (!menu) return;
  event.preventDefault();
  event.stopPropagation();
  menu.open = false;
  menu.querySelector("summary").focus();
});

// The message or view of an element, with its values.
export function placeOf(element) {
  const form = formIn(element);
  if (form) return { view: form.dataset.view, values: valuesIn(form) };
  const home = element.closest(".home");
  if (home) return { view: home.dataset.view };
  return { ts: element.closest("[data-ts]").dataset.ts };
}

// Shows the confirm dialog, which is a template beside the element, and returns the answer.
export function asks(owner) {
  const template = owner.querySelector("template[data-confirm]");
  if (!template) return Promise.resolve(true);
  dialog.replaceChildren(template.content.cloneNode(true));
  dialog.querySelector("h2").id = "confirm-title";
  dialog.setAttribute("aria-labelledby", "confirm-title");
  dialog.returnValue = "";
  dialog.showModal();
  dialog.querySelector("[data-deny]").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-confirmed]")) dialog.close("yes");
  else if (event.target.closest("[data-deny]")) dialog.close("");
});

async function press(owner, button) {
  if (owner.hasAttribute("data-waits")) return;
  owner.removeAttribute("open");
  if (!(await asks(owner))) return;
  const { block, action } = owner.dataset;
  const option = button.dataset.option ?? null;
  owner.setAttribute("data-waits", "");
  awaitAnswer(owner.closest(".item")?.id ?? "");
  await act("press", { ...placeOf(owner), block, action, option });
  owner.removeAttribute("data-waits");
}

function closeMenus(target) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
}
