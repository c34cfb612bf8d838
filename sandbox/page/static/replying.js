// The thread that the message field writes into, after a click on Reply.
import { openThread } from "./folds.js";
import { here } from "./place.js";

const bar = document.getElementById("replying");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reply]");
  if (button) reply(button.dataset);
});
document.getElementById("typed").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.target.value) leave();
});

function reply({ reply: thread, author }) {
  here.thread = thread;
  document.getElementById("replying-to").textContent = `Replying in the thread of ${author}`;
  bar.hidden = !thread;
  if (thread) openThread(thread);
  document.getElementById("typed").focus();
}

export function leave() {
  here.thread = "";
  bar.hidden = true;
}
