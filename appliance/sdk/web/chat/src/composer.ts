// Where one writes.

import { button, h } from "./dom";
import { icon } from "./icons";

/** The longest text, in characters; the server's default. */
const maxLength = 5000;

const emoji = [..."😀😄😂🤣😊😉😍🥰😘🤔😅😎😢😭😡😴👍👎👏🙏💪👌🤝👀🎉🔥✨💯🌹🍀☕🚀"];

/** What a composer for more than text needs. */
export interface ComposerOptions {
  /** Gets a file to send. */
  attach?: (file: File) => void;
}

export class Composer {
  readonly element: HTMLElement;
  readonly #input: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #picker: HTMLElement;
  readonly #above = h("div", { class: "composer-above", hidden: true });

  /** send gets what was written; changed gets the draft. */
  constructor(
    label: string,
    draft: string,
    send: (text: string) => void,
    changed: (draft: string) => void,
    { attach }: ComposerOptions = {},
  ) {
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
    const form = h("form", { class: "composer" }, open, attach && this.#attachment(attach), this.#input, this.#send);
    this.element = h("div", { class: "composer-area" }, this.#picker, this.#above, form);

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
      if (event.key === "Escape" && this.#picker.hidden && !this.#above.hidden) {
        event.stopPropagation();
        this.#above.querySelector("button")?.click();
      }
      if (event.key !== "Escape" || this.#picker.hidden) return;
      event.stopPropagation();
      this.#toggle(false);
      open.focus();
    });
    this.#input.addEventListener("input", () => this.#changed(changed));
    queueMicrotask(() => this.#changed(changed));
  }

  #attachment(attach: (file: File) => void): HTMLElement {
    const chooser = h("input", { type: "file", hidden: true, class: "composer-file", "aria-label": "Image or file" });
    chooser.addEventListener("change", () => {
      const [file] = chooser.files ?? [];
      chooser.value = "";
      if (file) attach(file);
    });
    this.#input.addEventListener("paste", (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (!file) return;
      event.preventDefault();
      attach(file);
    });
    const choose = () => chooser.click();
    return h(
      "span",
      { class: "attach" },
      button({ class: "round quiet", "aria-label": "Send an image or file" }, choose, icon("clip")),
      chooser,
    );
  }

  /** Shows text above the input, such as what is answered, with a button that ends it. */
  setAbove(title: string, text: string, end?: () => void): void {
    this.#above.hidden = false;
    this.#above.replaceChildren(
      h("span", { class: "quote" }, h("span", { class: "quote-name" }, title), h("span", { class: "quote-text", dir: "auto" }, text)),
      end ? button({ class: "round quiet", "aria-label": "Cancel" }, end, "×") : "",
    );
  }

  clearAbove(): void {
    this.#above.hidden = true;
    this.#above.replaceChildren();
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
