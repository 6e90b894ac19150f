export { Client } from "./client";
export { Conversation } from "./conversation";
export * from "./errors";
export * from "./events";
export { Room, Rooms } from "./rooms";
export * from "./store";
export * from "./types";
