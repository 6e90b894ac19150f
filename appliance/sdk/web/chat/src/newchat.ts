// The dialog that starts a chat, makes a team or enters a room.

import { avatar } from "./avatar";
import { button, h } from "./dom";

export interface NewChatOptions {
  /** Accounts to offer. */
  suggestions: { account: string; name: string }[];
  /** Whether there is such an account; it throws when that cannot be known now. */
  exists(account: string): Promise<boolean>;
  chat(account: string): void;
  /** Makes a team; it throws when that does not work. */
  team(name: string, members: string[]): Promise<void>;
  room(name: string): void;
}

/** The longest room name, in bytes of UTF-8 (appliance/wire/PROTOCOL.md). */
const maxRoom = 64;

export function newChat(options: NewChatOptions): void {
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "new-title" });
  const close = () => dialog.close();

  const account = field("account", "Account", "bob");
  const withAccount = h("form", { class: "dialog-row" }, account.label, h("button", { class: "primary" }, "Chat"));
  withAccount.addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = account.input.value.trim().toLowerCase();
    if (!name) return account.complain("Whom do you want to write to?");
    try {
      if (!(await options.exists(name))) return account.complain(`There is no account “${name}”.`);
    } catch {
      // Not known now: the chat itself will tell.
    }
    close();
    options.chat(name);
  });

  account.input.autofocus = true;

  const team = field("team", "Team", "Friday lunch");
  const members = field("members", "Its members", "bob, carol");
  const withTeam = h("form", { class: "dialog-row" }, team.label, members.label, h("button", { class: "primary" }, "Make"));
  withTeam.addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = team.input.value.trim();
    if (!name) return team.complain("What is the team called?");
    const accounts = members.input.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    try {
      await options.team(name, accounts);
      close();
    } catch (error) {
      team.complain(`The team was not made: ${(error as Error).message}`);
    }
  });

  const room = field("room", "Room", "lobby");
  const withRoom = h("form", { class: "dialog-row" }, room.label, h("button", { class: "primary" }, "Enter"));
  withRoom.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = room.input.value.trim();
    if (!name) return room.complain("Which room?");
    if (/\s/.test(name) || new TextEncoder().encode(name).length > maxRoom) {
      return room.complain(`A room's name has no spaces and at most ${maxRoom} bytes.`);
    }
    close();
    options.room(name);
  });

  dialog.append(
    h(
      "header",
      { class: "dialog-head" },
      h("h2", { id: "new-title" }, "New chat"),
      button({ class: "round quiet", "aria-label": "Close" }, close, "×"),
    ),
    options.suggestions.length > 0
      ? h(
          "div",
          { class: "people" },
          ...options.suggestions.map((who) =>
            button(
              { class: "person", "data-account": who.account },
              () => {
                close();
                options.chat(who.account);
              },
              avatar(who.account, who.name),
              h("span", {}, who.name),
            ),
          ),
        )
      : "",
    withAccount,
    account.problem,
    withTeam,
    team.problem,
    withRoom,
    room.problem,
    h("p", { class: "hint" }, "A room exists while somebody is in it. Everybody in it sees what is said."),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close(); // beside the dialog
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** A labelled input with a place for what is wrong with it. */
export function field(name: string, text: string, example: string, type = "text") {
  const input = h("input", {
    name,
    type,
    placeholder: example,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": `${name}-problem`,
  });
  const problem = h("p", { class: "problem", id: `${name}-problem`, role: "alert" });
  input.addEventListener("input", () => problem.replaceChildren());
  return {
    input,
    problem,
    label: h("label", { class: "field" }, h("span", {}, text), input),
    complain(complaint: string): void {
      problem.textContent = complaint;
      input.focus();
    },
  };
}
