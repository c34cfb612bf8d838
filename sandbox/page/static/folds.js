// Folded threads and long texts: what the user opened stays open when its message is replaced.
const opened = new Set();

document.addEventListener("toggle", ({ target }) => {
  if (target.dataset.fold) keep(target.dataset.fold, target.open);
}, true);
document.addEventListener("click", (event) => {
  const thread = event.target.closest("summary")?.closest("[data-fold]");
  // The replies of the newest message would open below the visible part of the channel.
  if (thread && !thread.open) requestAnimationFrame(() => thread.scrollIntoView({ block: "nearest" }));
  const button = event.target.closest(".see-more");
  if (!button) return;
  const words = button.previousElementSibling;
  keep(words.dataset.more, words.classList.contains("is-folded"));
  unfold(words.parentElement);
});

function keep(name, isOpen) {
  if (isOpen) opened.add(name);
  else opened.delete(name);
}

export function openThread(ts) {
  opened.add(`thread-${ts}`);
  unfold(document);
}

export function unfold(container) {
  for (const thread of container.querySelectorAll("[data-fold]")) thread.open = opened.has(thread.dataset.fold);
  for (const words of container.querySelectorAll("[data-more]")) {
    const isOpen = opened.has(words.dataset.more);
    words.classList.toggle("is-folded", !isOpen);
    words.nextElementSibling.textContent = isOpen ? "See less" : "See more";
    words.nextElementSibling.ariaExpanded = String(isOpen);
  }
}
