import type { Scene } from "./wire.gen";

/** Names one conversation. */
export interface Key {
  /** Its name on this device: the other account, or "team:" and the team's number. */
  conversation: string;
  scene: Scene;
  /** The other account, or the team's number. */
  peer: string;
}

/** Accounts have no colon, so no account is taken for a team. */
export function keyOf(scene: Scene, peer: string): Key {
  return { conversation: scene === "team" ? `team:${peer}` : peer, scene, peer };
}

/** How requests name the conversation; scene p2p is the default. */
export function placeOf(key: Key): { scene?: Scene; peer: string } {
  return key.scene === "p2p" ? { peer: key.peer } : { scene: key.scene, peer: key.peer };
}
