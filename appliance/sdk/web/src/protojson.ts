// Reading the ProtoJSON form of the server's messages: defaults are left out,
// 64-bit integers are strings, enums are names (or numbers).
// https://protobuf.dev/programming-guides/json/

import { UsageError } from "./errors";
import type { KickReason, Platform } from "./types";

export type Json = Record<string, unknown>;

/** x as an object; anything else is an empty one. */
export function object(x: unknown): Json {
  return typeof x === "object" && x !== null && !Array.isArray(x) ? (x as Json) : {};
}

export function objects(x: unknown): Json[] {
  return Array.isArray(x) ? x.map(object) : [];
}

export function text(x: unknown): string {
  return typeof x === "string" ? x : "";
}

/** A 64-bit id; "" is none. */
export function id(x: unknown): string {
  return typeof x === "number" ? String(x) : text(x);
}

/** A number that is known to stay below 2^53. What is none, is 0. */
export function int(x: unknown): number {
  const n = typeof x === "string" && x !== "" ? Number(x) : x;
  return typeof n === "number" && Number.isSafeInteger(n) && n >= 0 ? n : 0;
}

const platforms: Record<string, Platform> = {
  PLATFORM_ANDROID: "android",
  1: "android",
  PLATFORM_IOS: "ios",
  2: "ios",
  PLATFORM_PC: "pc",
  4: "pc",
  PLATFORM_WEB: "web",
  16: "web",
  PLATFORM_REST: "rest",
  32: "rest",
  PLATFORM_MAC: "mac",
  64: "mac",
};

export function platform(x: unknown): Platform {
  return platforms[String(x)] ?? "unknown";
}

/** The enum's name of a platform, for requests. */
export function platformName(p: Platform): string {
  return `PLATFORM_${p.toUpperCase()}`;
}

const kickReasons: Record<string, KickReason> = {
  KICK_REASON_REPLACED: "replaced",
  1: "replaced",
  KICK_REASON_SERVER: "server",
  2: "server",
  KICK_REASON_OTHER_DEVICE: "other_device",
  3: "other_device",
  KICK_REASON_CREDENTIALS: "credentials",
  4: "credentials",
};

export function kickReason(x: unknown): KickReason {
  return kickReasons[String(x)] ?? "unknown";
}

/** Whether a scene is 1:1, the only kind of conversation so far. */
export function isP2P(scene: unknown): boolean {
  return scene === undefined || scene === 0 || scene === "SCENE_P2P";
}

/** Checks a seq that an app gives. */
export function checkSeq(name: string, seq: number): void {
  if (!Number.isSafeInteger(seq) || seq < 1) {
    throw new UsageError(`${name} must be a whole number from 1 on`);
  }
}
