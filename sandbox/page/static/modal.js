// The modal: opened, updated and closed by the app or the user.
import { act } from "./place.js";
import { valuesIn } from "./values.js";

const dialog = document.getElementById("modal");
let opener = null;

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});
dialog.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-view]")) close();
  if (event.target.closest("[data-dismiss]")) act("dismiss", {});
  const key = event.target.closest("[data-fill-tenant]");
  if (key) fillIn(key.dataset);
});

export const formIn = (element) => element.closest("form[data-view]");

export function showModal(html) {
  const shown = dialog.querySelector("form");
  const fresh = parsed(html);
  if (!fresh) {
    if (dialog.open) hide();
    return;
  }
  if (shown?.dataset.version === fresh.dataset.version && dialog.open) return;
  put(fresh, shown);
}

// The same view with field errors.
export function showErrors(html) {
  const shown = dialog.querySelector("form");
  put(parsed(html), shown);
  dialog.querySelector(".has-problem .field, [role=alert]")?.focus();
}

function put(fresh, shown) {
  const isSame = shown?.dataset.view === fresh.dataset.view;
  if (isSame) keepTyped(shown, fresh);
  const scrolled = isSame ? shown.querySelector(".modal-body").scrollTop : 0;
  const focused = isSame && document.activeElement?.id;
  dialog.replaceChildren(fresh);
  if (!dialog.open) {
    opener = document.activeElement;
    dialog.showModal();
  }
  fresh.querySelector(".modal-body").scrollTop = scrolled;
  const first = fresh.querySelector("[data-focus]") ?? fresh.querySelector(".input .field, .input input") ?? fresh.querySelector("h2");
  ((focused && document.getElementById(focused)) || first).focus();
}

// As in Slack, typed values stay if their field stays.
function keepTyped(shown, fresh) {
  for (const field of shown.querySelectorAll("input[id].field, textarea[id].field, select[id]")) {
    const again = fresh.querySelector(`#${field.id}`);
    if (again?.dataset.value === field.dataset.value) again.value = field.value;
  }
}

function hide() {
  dialog.close();
  dialog.replaceChildren();
  const isThere = opener?.isConnected && opener !== document.body;
  (isThere ? opener : document.getElementById("typed")).focus();
  opener = null;
}

async function submit() {
  const form = dialog.querySelector("form");
  const button = form.querySelector("[type=submit]");
  if (!button || button.disabled || button.hasAttribute("data-waits")) return;
  button.setAttribute("data-waits", "");
  const result = await act("submit", { values: valuesIn(form) });
  button.removeAttribute("data-waits");
  if (result?.modal) showErrors(result.modal);
}

const close = () => act("close", {});

function fillIn(key) {
  for (const name of ["tenant", "client_id", "client_secret"]) {
    const field = dialog.querySelector(`[data-input="${name}"] .field`);
    if (field) field.value = key[`fill${name[0].toUpperCase()}${name.slice(1)}`];
  }
  dialog.querySelector("[type=submit]").focus();
}

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html ?? "";
  return template.content.querySelector("form");
}
