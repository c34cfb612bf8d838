// The current user, channel and tab, and the requests that report their actions.
export const here = {
  user: document.body.dataset.user,
  channel: document.body.dataset.channel,
  tab: "messages",
  thread: "", // the time of the message whose thread one writes into
};

const notice = document.getElementById("notice");
let fading;

export const address = (what = "") => `/page/${here.user}/${here.channel}${what && `/${what}`}`;

export function say(words) {
  notice.textContent = words;
  clearTimeout(fading);
  fading = setTimeout(() => { notice.textContent = ""; }, 2500);
}

// Returns the result of an action, or null after an error, which is shown.
export async function act(kind, given) {
  try {
    const answer = await fetch(address(kind), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(given),
    });
    const result = await answer.json();
    if (answer.ok) return result;
    say(result.error);
  } catch {
    say("The sandbox does not answer. Is make demo still running?");
  }
  return null;
}
