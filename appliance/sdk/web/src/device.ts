import { newId } from "./async";

/** How many tabs of one account may be open at once with names of their own that last. */
const maxSlots = 32;

/** A device's name, held until release. */
export interface Device {
  id: string;
  /** What the names of all tabs of this browser begin with; "" when they have nothing in common. */
  browser: string;
  release(): void;
}

const nothing = () => {};

/**
 * Names this tab. The server takes a device id for one installation and lets a
 * login with the same id replace the session before, so each tab needs its own,
 * and a reload should find the one from before. A browser has a random name in
 * localStorage and numbers its tabs; Web Locks tell which numbers are in use.
 * Without Web Locks (http, old browsers) the name lives in sessionStorage, as
 * long as the tab; without that, as long as the page.
 */
export async function acquireDevice(owner: string): Promise<Device> {
  const browser = stored(() => globalThis.localStorage, "yizhan.browser");
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (browser && locks) {
    for (let slot = 0; slot < maxSlots; slot++) {
      const id = `${browser}-${slot}`;
      const release = await tryLock(locks, `yizhan ${owner} ${id}`);
      if (release) {
        return { id, browser: `${browser}-`, release };
      }
    }
  }
  const id = stored(() => globalThis.sessionStorage, `yizhan.tab ${owner}`) ?? newId();
  return { id, browser: "", release: nothing };
}

/** The random name under key, made if there is none; undefined when there is no such storage. */
function stored(storage: () => Storage | undefined, key: string): string | undefined {
  try {
    const s = storage(); // reading the property may throw SecurityError
    if (!s) {
      return undefined;
    }
    let name = s.getItem(key);
    if (!name || name.length > 48) {
      name = newId().slice(0, 20);
      s.setItem(key, name);
    }
    return name;
  } catch {
    return undefined;
  }
}

/** Takes a lock if it is free; the result lets it go. */
function tryLock(locks: LockManager, name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (!lock) {
          resolve(undefined);
          return;
        }
        return new Promise<void>((release) => resolve(release));
      })
      .catch(() => resolve(undefined)); // not permitted here
  });
}
