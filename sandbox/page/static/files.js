// Redirects links to the workspace's files to the sandbox.
import { here } from "./place.js";

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href*=".slack.com/files/"]');
  if (!link) return;
  event.preventDefault();
  const [id, download] = new URL(link.href).pathname.split("/").slice(-2);
  const href = `/page/${here.user}/file/${id}`;
  Object.assign(document.createElement("a"), { href, download }).click();
});
