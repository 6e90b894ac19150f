// Makes elements. Text only ever becomes a text node: nothing here, or in the
// rest of the page, parses markup.

export type Child = Node | string | null | undefined | false;

/** Attributes by name; false and undefined leave one out, true sets it empty. */
export interface Props {
  [attribute: string]: string | number | boolean | undefined;
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child) element.append(child);
  }
  return element;
}

/** A button that submits nothing. */
export function button(props: Props, run: () => void, ...children: Child[]): HTMLButtonElement {
  const element = h("button", { type: "button", ...props }, ...children);
  element.addEventListener("click", run);
  return element;
}

/** One child that reconcile should show. */
export interface Keyed {
  key: string;
  /** The element is made anew when this changes. */
  signature: string;
  make: () => HTMLElement;
}

const signatures = new WeakMap<Element, string>();

/**
 * Makes parent's children those of items, in their order. It keeps the elements
 * of unchanged items, so that focus and selection stay.
 */
export function reconcile(parent: HTMLElement, items: Keyed[]): void {
  const old = new Map<string, HTMLElement>();
  for (const child of parent.children) {
    old.set((child as HTMLElement).dataset.key ?? "", child as HTMLElement);
  }
  const wanted = items.map((item) => {
    let element = old.get(item.key);
    if (!element || signatures.get(element) !== item.signature) {
      element = item.make();
      element.dataset.key = item.key;
      signatures.set(element, item.signature);
    }
    return element;
  });
  const keep = new Set<Element>(wanted);
  for (const element of old.values()) {
    if (!keep.has(element)) element.remove();
  }
  wanted.forEach((element, at) => {
    if (parent.children[at] !== element) parent.insertBefore(element, parent.children[at] ?? null);
  });
}

/** Makes many calls that follow each other closely one call of run. */
export function coalesce(run: () => void): () => void {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    setTimeout(() => {
      planned = false;
      run();
    });
  };
}

/** Says text to screen readers. */
export function announce(text: string): void {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}

const toastMs = 6000;

/** Shows a short problem for a while. */
export function toast(text: string): void {
  const element = h("div", { class: "toast" }, text);
  document.getElementById("toasts")?.append(element);
  setTimeout(() => element.remove(), toastMs);
}
