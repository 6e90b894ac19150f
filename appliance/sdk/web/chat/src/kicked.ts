// Says that the session has ended because of another one.

import type { Kicked } from "../../src/index";
import { button, h } from "./dom";

/** Asks what to do now: go on here, which ends the other session, or leave. */
export function showKicked(kicked: Kicked | undefined, goOn: () => void, leave: () => void): void {
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "kicked-title" });
  const choice = (kind: string, text: string, run: () => void) =>
    button(
      { class: kind },
      () => {
        dialog.close();
        dialog.remove();
        run();
      },
      text,
    );
  dialog.append(
    h("h2", { id: "kicked-title" }, "Signed in elsewhere"),
    h("p", {}, reason(kicked), kicked?.note ? ` (${kicked.note})` : ""),
    h("div", { class: "dialog-buttons" }, choice("primary", "Use it here", goOn), choice("plain", "Sign out", leave)),
  );
  dialog.addEventListener("cancel", (event) => event.preventDefault()); // Escape is no answer
  document.body.append(dialog);
  dialog.showModal();
}

function reason(kicked: Kicked | undefined): string {
  if (kicked?.reason !== "replaced") return "The session was ended by the server or from another device.";
  return kicked.bySameBrowser
    ? "You opened this account in another tab of this browser."
    : "You signed in to this account on another device.";
}
