import type { Emitter } from "./emitter";
import type { Content, RoomEvents } from "./types";

export declare class Room extends Emitter<RoomEvents> {
  readonly name: string;
  readonly state: "entered" | "away" | "lost" | "exited";
  readonly members: number;
  send(content: string | Content): Promise<{ id: string; timeMs: number }>;
  exit(): Promise<void>;
}

export declare class Rooms {
  enter(name: string): Promise<Room>;
  get(name: string): Room | undefined;
  exit(name: string): Promise<void>;
  send(name: string, content: string | Content): Promise<{ id: string; timeMs: number }>;
}
