// The button copies the commands of a session, without the prompts and without what they print.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-clipboard-target]");
  if (!button) return;
  const lines = document.querySelector(button.dataset.clipboardTarget).textContent.split("\n");
  const prompt = { ">>> ": /^(>>>|\.\.\.) ?/, "$ ": /^[$>] / };
  const first = Object.keys(prompt).find((start) => lines[0].startsWith(start));
  if (!first) return;
  const commands = lines.filter((line) => prompt[first].test(line)).map((line) => line.replace(prompt[first], ""));
  button.dataset.clipboardText = commands.join("\n") + "\n";
}, true);
