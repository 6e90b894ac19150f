import type { Client, Teams } from "../../src/index";

/** The most teams that one request may ask for. */
const batch = 50;

/** Names and sizes of teams. Until one is known, its number serves. */
export class TeamNames {
  readonly #known = new Map<string, { name: string; members: number; version: number }>();
  readonly #wanted = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #teams: Teams;
  readonly #changed: () => void;

  /** changed is called when names have come. */
  constructor(client: Client, teams: Teams, changed: () => void) {
    this.#teams = teams;
    this.#changed = changed;
    client.on("message", (message) => {
      if (message.event && this.#known.has(message.peer)) this.#want(message.peer); // it tells a change of the team
    });
  }

  of(team: string): string {
    return this.#get(team)?.name || `Team ${team}`;
  }

  /** Such as "3 members"; empty until it is known. */
  size(team: string): string {
    const members = this.#get(team)?.members;
    if (members === undefined) return "";
    return members === 1 ? "1 member" : `${members} members`;
  }

  #get(team: string) {
    const known = this.#known.get(team);
    if (!known && !this.#asked.has(team)) this.#want(team);
    return known;
  }

  #want(team: string): void {
    if (this.#wanted.size === 0) queueMicrotask(() => void this.#ask());
    this.#wanted.add(team);
  }

  async #ask(): Promise<void> {
    const ids = [...this.#wanted].slice(0, batch);
    this.#wanted.clear();
    for (const id of ids) this.#asked.add(id);
    try {
      for (const { id, name, members, infoVersion } of await this.#teams.info(ids)) {
        this.#known.set(id, { name, members, version: infoVersion });
      }
      this.#changed();
    } catch {
      // Offline: the next time that one is shown asks again.
      for (const id of ids) this.#asked.delete(id);
    }
  }
}
