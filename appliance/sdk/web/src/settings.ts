import { acquireDevice, type Device } from "./device";
import { UsageError } from "./errors";
import { IndexedDBStore } from "./indexeddb";
import { Locator } from "./lbs";
import { MemoryStore } from "./memory";
import type { Store } from "./store";
import type { ClientOptions, Logger, Platform } from "./types";

/** The server's limit for names, in bytes. */
const maxName = 64;

/** ClientOptions, checked and with defaults filled in. */
export interface Settings {
  appKey: string;
  account: string;
  token: () => Promise<string>;
  customTag: string;
  platform: Platform;
  /** Where to connect: LBS, or without it endpoint. */
  locator: Locator | undefined;
  endpoint: string;
  path: string;
  transports: ("websocket" | "polling")[];
  backlog: number;
  cachePerConversation: number;
  minBackoffMs: number;
  maxBackoffMs: number;
  callTimeoutMs: number;
  connectTimeoutMs: number;
  logger: Logger;
  /** What belongs together in the store: the same account of the same site. */
  owner: string;
  store: Store;
  /** Set before the first login. */
  device: Device;
}

const silent: Logger = { info() {}, warn() {}, error() {} };

/** Checks o; it throws a UsageError that names every mistake. */
export function settings(o: ClientOptions): Settings {
  const problems: string[] = [];
  for (const name of ["appKey", "account", "token"] as const) {
    if (!o[name]) {
      problems.push(`${name} is missing`);
    }
  }
  if (!o.lbs === !o.endpoint) {
    problems.push("give either lbs or endpoint");
  }
  const where = o.lbs ?? o.endpoint ?? "";
  if (where && !isHTTP(where)) {
    problems.push("lbs and endpoint must be URLs such as https://im.example.com/lbs");
  }
  if (new TextEncoder().encode(o.deviceId ?? "").length > maxName) {
    problems.push(`deviceId is longer than ${maxName} bytes`);
  }
  if (problems.length > 0) {
    throw new UsageError(`yizhan client options: ${problems.join("; ")}`);
  }

  const account = o.account.toLowerCase(); // as the server does
  const { token } = o;
  const platform = o.platform ?? "web";
  const logger = o.logger ?? silent;
  const base = new URL(where, globalThis.location?.href);
  const owner = `${base.href} ${o.appKey} ${account}`;
  const minBackoffMs = positive(o.minBackoffMs, 1_000);
  return {
    appKey: o.appKey,
    account,
    token: async () => (typeof token === "function" ? token() : token),
    customTag: o.customTag ?? "",
    platform,
    locator: o.lbs ? new Locator({ ...o, account }, base.href, platform, logger, localCache()) : undefined,
    endpoint: base.origin,
    path: o.path ?? "/socket.io/",
    transports: o.transports ?? ["websocket", "polling"],
    backlog: Math.max(Math.floor(o.backlog ?? 20), 0),
    cachePerConversation: Math.max(positive(o.cachePerConversation, 500), 20),
    minBackoffMs,
    maxBackoffMs: Math.max(positive(o.maxBackoffMs, 60_000), minBackoffMs),
    callTimeoutMs: positive(o.callTimeoutMs, 30_000),
    connectTimeoutMs: positive(o.connectTimeoutMs, 10_000),
    logger,
    owner,
    store: o.store ?? defaultStore(owner),
    device: { id: o.deviceId ?? "", browser: "", release() {} },
  };
}

/** Gives s.device its name, unless the app has given one. */
export async function nameDevice(s: Settings): Promise<void> {
  if (!s.device.id) {
    s.device = await acquireDevice(s.owner);
  }
}

function defaultStore(owner: string): Store {
  return typeof indexedDB === "undefined" ? new MemoryStore() : new IndexedDBStore(owner);
}

function isHTTP(url: string): boolean {
  try {
    return /^https?:$/.test(new URL(url, globalThis.location?.href).protocol);
  } catch {
    return false;
  }
}

function positive(n: number | undefined, byDefault: number): number {
  return n !== undefined && n > 0 ? n : byDefault;
}

function localCache(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // not permitted here
  }
}
