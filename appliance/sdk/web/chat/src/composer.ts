// Where one writes.

import { button, h } from "./dom";
import { icon } from "./icons";

/** The longest text, in characters; the server's default. */
const maxLength = 5000;

const emoji = [..."😀😄😂🤣😊😉😍🥰😘🤔😅😎😢😭😡😴👍👎👏🙏💪👌🤝👀🎉🔥✨💯🌹🍀☕🚀"];

export class Composer {
  readonly element: HTMLElement;
  readonly #input: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #picker: HTMLElement;

  /** send gets what was written; changed gets the draft. */
  constructor(label: string, draft: string, send: (text: string) => void, changed: (draft: string) => void) {
    this.#input = h("textarea", {
      class: "composer-input",
      rows: 1,
      maxlength: maxLength,
      placeholder: "Write a message",
      "aria-label": label,
      enterkeyhint: "send",
      dir: "auto",
    });
    this.#input.value = draft;
    this.#send = h("button", { type: "submit", class: "round primary", "aria-label": "Send" }, icon("send"));
    this.#picker = h(
      "div",
      { class: "emoji-picker", hidden: true, role: "group", "aria-label": "Emoji" },
      ...emoji.map((char) => button({ class: "emoji-choice" }, () => this.#insert(char), char)),
    );
    const open = button(
      { class: "round quiet", "aria-label": "Emoji", "aria-expanded": "false" },
      () => this.#toggle(this.#picker.hidden),
      icon("smile"),
    );
    const form = h("form", { class: "composer" }, open, this.#input, this.#send);
    this.element = h("div", { class: "composer-area" }, this.#picker, form);

    const submit = () => {
      const text = this.#input.value.trim();
      if (text === "") return;
      this.#input.value = "";
      this.#toggle(false);
      this.#changed(changed);
      send(text);
      this.#input.focus();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    this.#input.addEventListener("keydown", (event) => {
      // While an input method composes (Chinese, Japanese…), Enter is its own.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      submit();
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#picker.hidden) return;
      event.stopPropagation();
      this.#toggle(false);
      open.focus();
    });
    this.#input.addEventListener("input", () => this.#changed(changed));
    queueMicrotask(() => this.#changed(changed));
  }

  focus(): void {
    this.#input.focus();
  }

  #toggle(show: boolean): void {
    this.#picker.hidden = !show;
    this.element.querySelector("[aria-expanded]")?.setAttribute("aria-expanded", String(show));
  }

  #insert(text: string): void {
    this.#input.setRangeText(text, this.#input.selectionStart, this.#input.selectionEnd, "end");
    this.#input.dispatchEvent(new Event("input"));
    this.#input.focus();
  }

  #changed(changed: (draft: string) => void): void {
    this.#send.disabled = this.#input.value.trim() === "";
    // Grows with its text, up to the height that chat.css allows.
    const input = this.#input;
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`;
    changed(this.#input.value);
  }
}
