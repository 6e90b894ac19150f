// Reading the ProtoJSON form of the server's messages: defaults are left out,
// 64-bit integers are strings. codec.ts does the rest.
// https://protobuf.dev/programming-guides/json/

import { UsageError } from "./errors";

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

/** Checks a seq that an app gives. */
export function checkSeq(name: string, seq: number): void {
  if (!Number.isSafeInteger(seq) || seq < 1) {
    throw new UsageError(`${name} must be a whole number from 1 on`);
  }
}
