// Fetches changes when the stand-in reports one.
import { address, here, say } from "./place.js";
import { showModal } from "./modal.js";
import { putMessages, replace } from "./put.js";
import { leave } from "./replying.js";

const PARTS = ["sidebar", "top", "story", "next"];
const scroller = document.getElementById("scroller");
let changes;
let asked = 0;
let shown = "";

// Listens for changes as the current user of the page.
export function listen() {
  changes?.close();
  changes = new EventSource(`/page/${here.user}/changes`);
  changes.onmessage = () => refresh();
  changes.onopen = () => { delete document.body.dataset.offline; };
  changes.onerror = () => { document.body.dataset.offline = ""; };
}

async function refresh() {
  const number = ++asked;
  const where = address(`parts?tab=${here.tab}&loaded=${document.body.dataset.loaded}`);
  const answer = await fetch(where).catch(() => null);
  const parts = answer?.ok ? await answer.json() : null;
  if (!parts || number !== asked) return; // something newer is on its way
  document.title = parts.title;
  document.getElementById("typed").placeholder = `Message ${parts.title.split(" · ")[0]}`;
  for (const name of PARTS) replace(document.getElementById(name), parts[name]);
  putMessages(parts.messages, shown !== where);
  shown = where;
  showModal(parts.modal);
}

// Switches to another conversation or user.
export async function go({ user = here.user, channel = here.channel, tab = "messages", isBack = false }) {
  const isSomebodyElse = user !== here.user;
  Object.assign(here, { user, channel, tab });
  leave();
  if (!isBack) history.pushState({}, "", address());
  scroller.setAttribute("aria-live", "off"); // don't announce existing messages
  await refresh();
  scroller.removeAttribute("aria-live");
  if (isSomebodyElse) {
    listen();
    say(`You are ${document.querySelector(".people [aria-current] b").textContent} now.`);
  }
}

addEventListener("popstate", () => {
  const [, , user, channel] = location.pathname.split("/");
  go({ user, channel, isBack: true });
});
