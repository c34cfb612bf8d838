// Completions: the bot's commands, then filters and their values.
let known = null;

const words = () => (known ??= fetch("/page/words").then((answer) => answer.json()));

// `typed` is the line up to the cursor. Each completion contains the resulting line.
export async function completions(typed) {
  if (!typed.startsWith("/")) return [];
  const { command, commands, filters } = await words();
  const begun = commands.filter((one) => one.words.startsWith(typed.toLowerCase()));
  if (begun.length) return begun.filter((one) => one.words !== typed).map(ofCommand);
  if (!typed.startsWith(`${command} `)) return [];
  return isFiltered(typed, commands) ? ofFilters(typed, filters) : [];
}

const ofCommand = ({ words: shown, usage, summary }) => ({ shown, usage, summary, typed: `${shown} ` });

function isFiltered(typed, commands) {
  const words = typed.toLowerCase();
  const begins = (one) => words.startsWith(`${one.words} `);
  return words.startsWith("/emporix jobs ") ? !words.startsWith("/emporix jobs get ") && !words.startsWith("/emporix jobs delete ")
    : commands.some((one) => one.filtered && begins(one));
}

// Completes the last word: the name of a filter, or its value after the colon.
function ofFilters(typed, filters) {
  const last = typed.slice(typed.lastIndexOf(" ") + 1);
  const before = typed.slice(0, typed.length - last.length);
  const [name, value] = last.includes(":") ? last.split(/:(.*)/s) : [last, null];
  if (value === null) {
    return filters
      .filter((one) => one.name.startsWith(name.toLowerCase()))
      .map((one) => ({ shown: one.name, usage: one.example, summary: one.meaning, typed: before + one.name }));
  }
  const filter = filters.find((one) => one.name === `${name}:`);
  return (filter?.values ?? [])
    .filter((one) => one.startsWith(value.toLowerCase()) && one !== value)
    .map((one) => ({ shown: one, usage: "", summary: "", typed: `${before}${name}:${one} ` }));
}
