// Search, copying and this site's address. Without it the page shows everything.
"use strict";

const input = document.getElementById("search");
const found = document.getElementById("found");
const links = new Map([...document.querySelectorAll("nav li")].map((item) => [item.dataset.action, item]));
const actions = [...document.querySelectorAll("article")].map((article) => ({
  article,
  link: links.get(article.id),
  text: article.textContent.toLowerCase(),
}));
const groups = document.querySelectorAll(".group");

// search shows the actions that hold every word.
function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { article, link, text } of actions) {
    const hit = words.every((word) => text.includes(word));
    article.hidden = link.hidden = !hit;
    count += hit ? 1 : 0;
  }
  for (const group of groups) {
    group.hidden = !group.querySelector("article:not([hidden]), li:not([hidden])");
  }
  found.textContent = words.length === 0 ? "" : `${count} of ${actions.length} actions`;
}

input.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== input && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    input.focus();
  } else if (event.key === "Escape" && input.value !== "") {
    input.value = "";
    search();
  }
});

// A link to an action that the search hides shows it.
window.addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.hidden) {
    input.value = "";
    search();
    target.scrollIntoView();
  }
});

const place = new URL("..", location.href).href.replace(/\/$/, "");
const settings = document.getElementById("settings");
settings.textContent = settings.textContent.replace(/^URL=.*$/m, `URL=${place}`);

if (navigator.clipboard) {
  for (const shell of document.querySelectorAll(".shell")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(shell.querySelector("pre").textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Select and copy it";
      }
    });
    shell.append(button);
  }
}
search();
