/** What the main part shows; it is in the address, so that Back and refresh work. */
export interface Route {
  kind: "home" | "chat" | "team" | "room";
  /** The account, the team's number or the room's name; empty at home. */
  name: string;
}

export const home: Route = { kind: "home", name: "" };

export function toHash(route: Route): string {
  return route.kind === "home" ? "#/" : `#/${route.kind}/${encodeURIComponent(route.name)}`;
}

export function fromHash(hash: string): Route {
  const [, kind, name] = /^#\/(chat|team|room)\/(.+)$/.exec(hash) ?? [];
  if (!kind || !name) return home;
  try {
    return { kind: kind as "chat" | "team" | "room", name: decodeURIComponent(name) };
  } catch {
    return home;
  }
}
