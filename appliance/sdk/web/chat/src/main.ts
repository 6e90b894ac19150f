// The Yizhan demo chat: signs in, and shows either the first page or the chat.

import { App } from "./app";
import { type Credentials, savedSession, saveSession } from "./session";
import { signInPage } from "./signin";
import { applyTheme } from "./theme";

const root = document.getElementById("app") as HTMLElement;

function showSignIn(problem: string): void {
  root.replaceChildren(signInPage(problem, signIn));
}

function signIn(who: Credentials): void {
  saveSession(who);
  const app = new App(who, showSignIn);
  root.replaceChildren(app.element);
  void app.start();
}

applyTheme();
const saved = savedSession();
if (saved) signIn(saved);
else showSignIn("");
