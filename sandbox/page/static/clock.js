// The sandbox's clock: shows and moves the time, and stops and starts the worker.
const panel = document.getElementById("clock");
const zone = document.getElementById("clock-zone");
const worker = document.getElementById("clock-switch");
const DAY = { weekday: "short", month: "short", day: "numeric" };
const TIME = { hour: "numeric", minute: "2-digit" };
const LONG = { ...DAY, year: "numeric", ...TIME, second: "2-digit", timeZoneName: "short" };
const LOOK_SECONDS = 2;
let ahead = 0; // milliseconds that the sandbox is ahead of this machine
let reported = ""; // the time that the stand-in last reported
let ticks = 0;

const put = (id, words) => {
  const element = document.getElementById(id);
  if (element.textContent !== words) element.textContent = words;
};
const short = () => document.getElementById("clock-short");
const written = (milliseconds, form) => new Intl.DateTimeFormat("en-US", { ...form, timeZone: short().dataset.zone }).format(milliseconds);

function show() {
  const { now } = short().dataset;
  if (now !== reported) {
    reported = now;
    ahead = now * 1000 - Date.now();
  }
  const time = Date.now() + ahead;
  put("clock-short", `${written(time, { weekday: "short" })} ${written(time, TIME)}`);
  put("clock-now", written(time, LONG));
}

function tell({ now, next_digest: next, waiting, worker: isOn }) {
  ahead = now * 1000 - Date.now();
  const due = next ? `The next is due ${written(next * 1000, { ...DAY, ...TIME })}.` : "No digest is due. Set one up: /emporix digest";
  const course = isOn ? "being posted" : "waiting for the worker";
  put("clock-due", waiting ? `${waiting} due already, ${course}.` : due);
  put("clock-worker", isOn ? "The worker is running." : "The worker is stopped.");
  worker.textContent = isOn ? "Stop the worker" : "Start the worker";
  worker.dataset.isOn = isOn;
  show();
}

async function ask(door, given) {
  const options = given && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given) };
  const answer = await fetch(`/sandbox/${door}`, options).catch(() => null);
  const state = answer?.ok ? await answer.json() : null;
  if (state) tell(state);
  return state ? state.refused : "The sandbox does not answer. Is make demo still running?";
}

async function act(button, door, given) {
  if (panel.querySelector("[data-waits]")) return;
  button.dataset.waits = "";
  put("clock-said", "");
  const problem = await ask(door, given);
  delete button.dataset.waits;
  const now = `It is ${written(Date.now() + ahead, { ...DAY, ...TIME })}.`;
  put("clock-said", problem || (door === "clock" ? now : document.getElementById("clock-worker").textContent));
}

// The button that opened the panel has been replaced, so the browser can't return the focus to it.
const isLost = (focused) => focused === document.body || panel.contains(focused);

function begin() {
  panel.addEventListener("click", ({ target }) => {
    const to = target.closest("[data-to]");
    if (to) act(to, "clock", { to: "zoned" in to.dataset ? `${to.dataset.to} ${zone.value}` : to.dataset.to });
    else if (target === worker) act(worker, "worker", { on: worker.dataset.isOn !== "true" });
  });
  panel.addEventListener("toggle", ({ newState }) => {
    put("clock-said", "");
    if (newState === "open") ask("clock");
    else if (isLost(document.activeElement)) short().closest("button").focus();
  });
  setInterval(() => {
    show();
    const isOpen = panel.matches(":popover-open");
    if (isOpen && ++ticks % LOOK_SECONDS === 0 && !panel.querySelector("[data-waits]")) ask("clock");
  }, 1000);
  show();
}

if (panel) begin();
