import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { acquireDevice } from "../src/device";

/** Storage and Web Locks of one browser, as far as they are used. */
class FakeStorage {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
}

class FakeLocks {
  readonly held = new Set<string>();
  async request(name: string, _: unknown, use: (lock: object | null) => Promise<void> | undefined): Promise<void> {
    if (this.held.has(name)) {
      await use(null);
      return;
    }
    this.held.add(name);
    await use({});
    this.held.delete(name);
  }
}

beforeEach(() => {
  vi.stubGlobal("localStorage", new FakeStorage());
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.stubGlobal("navigator", { locks: new FakeLocks() });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test("tabs of one browser have names of their own; a reload finds the one from before", async () => {
  const one = await acquireDevice("x");
  const two = await acquireDevice("x");
  expect(one.id).toMatch(/^[0-9a-f]{20}-0$/);
  expect(two.id).toBe(one.id.replace(/0$/, "1"));
  expect(two.id.startsWith(one.browser)).toBe(true);
  one.release();
  await Promise.resolve();
  await Promise.resolve();
  expect((await acquireDevice("x")).id).toBe(one.id);
  expect((await acquireDevice("another account")).id).toBe(one.id);
});

test("without Web Locks the name lives as long as the tab", async () => {
  vi.stubGlobal("navigator", {});
  const one = await acquireDevice("x");
  expect((await acquireDevice("x")).id).toBe(one.id);
  vi.stubGlobal("sessionStorage", new FakeStorage());
  expect((await acquireDevice("x")).id).not.toBe(one.id);
  expect(one.browser).toBe("");
});

test("without any storage the name lives as long as the page", async () => {
  vi.stubGlobal("navigator", undefined);
  vi.stubGlobal("localStorage", undefined);
  vi.stubGlobal("sessionStorage", undefined);
  const one = await acquireDevice("x");
  expect(one.id).toMatch(/^[0-9a-f]{32}$/);
  expect((await acquireDevice("x")).id).not.toBe(one.id);
});
