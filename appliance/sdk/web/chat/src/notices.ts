// What entries of a team's log tell, as people say it.

import type { wire } from "../../src/index";

/** The sentence of a change of a team; name gives an account's name. */
export function noticeText(event: wire.TeamEvent, name: (account: string) => string): string {
  const by = name(event.by);
  const whom = listed(event.accounts.map(name));
  switch (event.kind) {
    case "created":
      return `${by} created the team${whom ? ` with ${whom}` : ""}`;
    case "added":
      return `${by} added ${whom}`;
    case "joined":
      return `${whom} joined`;
    case "left":
      return `${whom || by} left`;
    case "kicked":
      return `${by} removed ${whom}`;
    case "updated":
      return updated(event, by);
    case "owner":
      return `${whom} owns the team now`;
    case "managers_added":
      return `${by} made ${whom} manager`;
    case "managers_removed":
      return `${whom} no longer manages the team`;
    case "members_muted":
      return `${by} muted ${whom}`;
    case "members_unmuted":
      return `${by} let ${whom} speak again`;
    case "team_muted":
      return event.mute === "none" ? `${by} lets everybody speak` : `${by} muted the team`;
    case "member_updated":
      return `${by} changed how ${whom || by} shows up here`;
    default:
      return "Something in the team has changed";
  }
}

function updated({ changes }: wire.TeamEvent, by: string): string {
  if (changes?.announcement) return `${by} announces: ${changes.announcement}`;
  if (changes?.name) return `${by} named the team “${changes.name}”`;
  return `${by} changed the team`;
}

function listed(names: string[]): string {
  if (names.length <= 3) return names.join(", ");
  return `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}
