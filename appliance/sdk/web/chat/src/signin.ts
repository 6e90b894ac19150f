// The first page.

import { avatar } from "./avatar";
import { button, h } from "./dom";
import { icon } from "./icons";
import { field } from "./newchat";
import { type Credentials, demoUsers } from "./session";

/** Shows the page; problem says why the last sign-in ended. */
export function signInPage(problem: string, signIn: (who: Credentials) => void): HTMLElement {
  const people = h("div", { class: "people" });
  const demo = h("section", { class: "signin-demo", hidden: true }, h("h2", {}, "Try it as"), people);
  const hint = h("p", { class: "hint" }, "Open this page in a second tab as somebody else, and chat.");
  demo.append(hint);
  const form = accountForm(signIn);
  const other = h("details", { class: "signin-other" }, h("summary", {}, "Use another account"), form);

  void demoUsers().then((users) => {
    demo.hidden = users.length === 0;
    other.open = users.length === 0 || problem !== "";
    people.append(
      ...users.map((user) =>
        button(
          { class: "person", "data-account": user.account },
          () => signIn(user),
          avatar(user.account, user.name),
          h("span", {}, user.name),
        ),
      ),
    );
    if (users.length === 0) form.querySelector("input")?.focus();
  });

  return h(
    "main",
    { class: "signin" },
    h(
      "div",
      { class: "signin-card" },
      h("span", { class: "logo" }, icon("house")),
      h("h1", {}, "Yizhan ", h("span", { lang: "zh" }, "驿站")),
      h("p", { class: "signin-lead" }, "Instant messaging on your own node."),
      problem ? h("p", { class: "signin-problem", role: "alert" }, problem) : null,
      demo,
      other,
    ),
  );
}

function accountForm(signIn: (who: Credentials) => void): HTMLFormElement {
  const appKey = field("appkey", "Appkey", "demo");
  const account = field("account", "Account", "alice");
  const token = field("token", "Token", "from your backend", "password");
  const form = h(
    "form",
    { class: "signin-form" },
    appKey.label,
    appKey.problem,
    account.label,
    account.problem,
    token.label,
    token.problem,
    h("button", { class: "primary wide" }, "Sign in"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const one of [appKey, account, token]) {
      if (one.input.value.trim() === "") return one.complain("This is needed.");
    }
    signIn({
      appKey: appKey.input.value.trim(),
      account: account.input.value.trim().toLowerCase(),
      token: token.input.value.trim(),
    });
  });
  return form;
}
