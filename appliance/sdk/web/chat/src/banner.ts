// Says when the connection is down, and what is being done about it.

import type { State, StateChange } from "../../src/index";
import { h } from "./dom";
import { icon } from "./icons";

/** A connection that is made this soon needs no words. */
const patienceMs = 1500;

export class Banner {
  readonly element = h("div", { class: "banner", role: "status", hidden: true });
  readonly #text = h("span", { class: "banner-text" });
  #timer: ReturnType<typeof setInterval> | undefined;
  #shown = false;

  constructor() {
    this.element.append(icon("cloud"), this.#text);
  }

  show({ state, retryInMs }: StateChange): void {
    clearInterval(this.#timer);
    switch (state) {
      case "waiting":
        this.#count(Date.now() + (retryInMs ?? 0));
        break;
      case "connecting":
        if (this.#shown) this.#say("Connecting again…");
        else this.#timer = setTimeout(() => this.#say("Connecting…"), patienceMs);
        break;
      case "syncing":
        if (this.#shown) this.#say("Fetching what you missed…");
        break;
      default:
        this.#shown = false;
        this.element.hidden = true;
    }
    this.element.dataset.state = state satisfies State;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Counts the seconds down to the next attempt. */
  #count(until: number): void {
    const say = () => {
      const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      const next = seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again.";
      this.#say(`No connection. ${next} What you write is sent then.`);
    };
    say();
    this.#timer = setInterval(say, 1000);
  }

  #say(text: string): void {
    this.#shown = true;
    this.element.hidden = false;
    this.#text.textContent = text;
  }
}
