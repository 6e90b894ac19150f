import { h } from "./dom";
import { icon } from "./icons";

/** How many colours chat.css has for avatars. */
const hues = 8;

/** The first letter of a name on the account's colour. */
export function avatar(account: string, name: string): HTMLElement {
  let hash = 0;
  for (const char of account) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  const first = [...(name || account)][0] ?? "?";
  return h("span", { class: `avatar hue-${hash % hues}`, "aria-hidden": "true" }, first.toUpperCase());
}

/** The same for a room. */
export function roomAvatar(): HTMLElement {
  return h("span", { class: "avatar avatar-room", "aria-hidden": "true" }, icon("hash"));
}

/** The same for a team. */
export function teamAvatar(): HTMLElement {
  return h("span", { class: "avatar avatar-room", "aria-hidden": "true" }, icon("people"));
}
