/** What the main part shows; it is in the address, so that Back and refresh work. */
export interface Route {
  kind: "home" | "chat" | "room";
  /** The account or the room's name; empty at home. */
  name: string;
}

export const home: Route = { kind: "home", name: "" };

export function toHash(route: Route): string {
  return route.kind === "home" ? "#/" : `#/${route.kind}/${encodeURIComponent(route.name)}`;
}

export function fromHash(hash: string): Route {
  const [, kind, name] = /^#\/(chat|room)\/(.+)$/.exec(hash) ?? [];
  if (!kind || !name) return home;
  try {
    return { kind: kind as "chat" | "room", name: decodeURIComponent(name) };
  } catch {
    return home;
  }
}
