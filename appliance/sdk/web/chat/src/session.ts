// Who is signed in, and who could be.

/** What a login needs. */
export interface Credentials {
  appKey: string;
  account: string;
  token: string;
}

/** An account that one may try: only a node started by quickstart names any. */
export interface DemoUser extends Credentials {
  name: string;
}

// sessionStorage, not localStorage: each tab may be somebody else, a refresh
// keeps the session, and closing the tab forgets the token.
const sessionKey = "yizhan.session";
const roomsKey = "yizhan.rooms";

function read(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function write(key: string, value: unknown): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows may refuse: then a refresh signs out.
  }
}

/** The session of this tab before a refresh. */
export function savedSession(): Credentials | null {
  const value = read(sessionKey) as Partial<Credentials> | null;
  if (!value?.appKey || !value.account || !value.token) return null;
  return { appKey: value.appKey, account: value.account, token: value.token };
}

export function saveSession(who: Credentials): void {
  write(sessionKey, { appKey: who.appKey, account: who.account, token: who.token });
}

export function forgetSession(): void {
  sessionStorage.removeItem(sessionKey);
  sessionStorage.removeItem(roomsKey);
}

/** The rooms that this tab was in before a refresh. */
export function savedRooms(): string[] {
  const value = read(roomsKey);
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

export function saveRooms(names: string[]): void {
  write(roomsKey, names);
}

/** Asks the node for its demo users; an ordinary node has none. */
export async function demoUsers(): Promise<DemoUser[]> {
  try {
    const answer = await fetch("demo.json", { cache: "no-store" });
    if (!answer.ok) return [];
    const demo = (await answer.json()) as {
      app_key: string;
      users: { account: string; name: string; token: string }[];
    };
    return demo.users.map((user) => ({ appKey: demo.app_key, ...user }));
  } catch {
    return [];
  }
}
