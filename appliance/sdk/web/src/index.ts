export { Client } from "./client";
export { Conversation } from "./conversation";
export * from "./errors";
export * from "./events";
export { IndexedDBStore } from "./indexeddb";
export { MemoryStore } from "./memory";
export { Room, Rooms } from "./rooms";
export * from "./store";
export * from "./types";
