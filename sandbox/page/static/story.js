// The tutorial: a click on a step fills the message field or highlights a button.
import { go } from "./live.js";
import { here, say } from "./place.js";
import { type } from "./composer.js";

const ROOM = matchMedia("(min-width: 1121px)");
const story = document.getElementById("story");
// In narrow windows, it opens over the channel, and only after a click.
const isOpen = () => (ROOM.matches ? !document.body.classList.contains("story-is-away") : document.body.classList.contains("story-is-over"));
document.body.classList.toggle("story-is-away", localStorage.getItem("story") === "away");

document.addEventListener("click", (event) => {
  const toggle = event.target.closest("[data-story]");
  if (toggle) return put(toggle.dataset.story === "toggle" && !isOpen());
  const step = event.target.closest("[data-step]");
  if (step) take(step.dataset);
  return undefined;
});
story.addEventListener("keydown", (event) => {
  if (event.key === "Escape") put(false);
});

function put(open) {
  document.body.classList.toggle("story-is-over", open && !ROOM.matches);
  document.body.classList.toggle("story-is-away", !open);
  localStorage.setItem("story", open ? "here" : "away");
  if (!open) document.querySelector("[data-story=toggle]").focus();
  else story.querySelector("[aria-current=step], button")?.focus();
}

async function take({ types, find, opens, become, whose }) {
  document.body.classList.remove("story-is-over");
  if (whose !== here.user) await go({ user: whose });
  if (become) return;
  if (types) type(types);
  else if (opens) document.querySelector(`[popovertarget=shortcuts-${opens}]`).click();
  else point(find);
}

// The newest message with this button.
function point(action) {
  const buttons = [...document.querySelectorAll(`#messages [data-action="${action}"] .button`)];
  if (!buttons.length) return say("List some jobs first: type /emporix jobs");
  const item = buttons.at(-1).closest(".item");
  const button = buttons.find((one) => item.contains(one));
  button.scrollIntoView({ block: "center" });
  button.focus({ focusVisible: true });
  return undefined;
}
