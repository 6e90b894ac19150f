// What wire.gen.ts is made of: how values of the server's messages are read from
// their ProtoJSON form and written to it. Reading takes anything and always gives
// a whole value: what is left out, or of another kind, becomes the default.
// https://protobuf.dev/programming-guides/json/

import { id as idOf, int as intOf, object, text as textOf } from "./protojson";

export interface Codec<T> {
  /** The value in x. */
  read(x: unknown): T;
  /** x for a request. */
  write(x: T): unknown;
}

/** What may be given for a T: fields that are left out have their default. */
export type Init<T> = T extends string | number | boolean
  ? T
  : T extends readonly (infer U)[]
    ? readonly Init<U>[]
    : { readonly [K in keyof T]?: Init<T[K]> | undefined };

/** How each field of a T is read and written. */
export type Fields<T> = { [K in keyof T]-?: Codec<Exclude<T[K], undefined>> };

const same = <T>(x: T): T => x;

export const text: Codec<string> = { read: textOf, write: same };
export const bool: Codec<boolean> = { read: (x) => x === true, write: same };
/** A number from 0 on that stays below 2^53. */
export const int: Codec<number> = { read: intOf, write: same };
export const signed: Codec<number> = {
  read: (x) => {
    const n = typeof x === "string" && x !== "" ? Number(x) : x;
    return typeof n === "number" && Number.isSafeInteger(n) ? n : 0;
  },
  write: same,
};
/** A number of 64 bits, as its digits. */
export const id: Codec<string> = { read: idOf, write: same };

export function list<T>(of: Codec<T>): Codec<T[]> {
  return {
    read: (x) => (Array.isArray(x) ? x.map((one) => of.read(one)) : []),
    write: (all) => all.map((one) => of.write(one)),
  };
}

/** A field that may be missing. */
export function optional<T>(of: Codec<T>): Codec<T> {
  return { ...of, [isOptional]: true } as Codec<T>;
}

const isOptional = Symbol("optional");

/** Words for numbers; in JSON they are names that begin with prefix, or numbers. Unknown ones are the first. */
export function enumeration<T extends string>(prefix: string, numbers: Record<T, number>): Codec<T> {
  const words = Object.keys(numbers) as T[];
  return {
    read: (x) => {
      const word = typeof x === "string" ? x.slice(prefix.length).toLowerCase() : "";
      const found = words.find((one) => one === word || numbers[one] === x);
      return found ?? (words[0] as T);
    },
    write: (word) => prefix + word.toUpperCase(),
  };
}

export interface MessageCodec<T> extends Codec<T> {
  /** The JSON of what is given. */
  init(x: Init<T>): Record<string, unknown>;
}

export function message<T>(fields: Fields<T>): MessageCodec<T> {
  const all = Object.entries(fields) as [string, Codec<unknown> & { [isOptional]?: boolean }][];
  const init = (x: unknown) => {
    const given = object(x);
    const json: Record<string, unknown> = {};
    for (const [name, codec] of all) {
      if (given[name] !== undefined) {
        json[name] = codec.write(given[name]);
      }
    }
    return json;
  };
  return {
    read: (x) => {
      const json = object(x);
      const value: Record<string, unknown> = {};
      for (const [name, codec] of all) {
        const given = json[name];
        if (!codec[isOptional] || (given !== undefined && given !== null)) {
          value[name] = codec.read(given);
        }
      }
      return value as T;
    },
    write: init,
    init,
  };
}

export type Empty = Record<string, never>;
export const Empty: MessageCodec<Empty> = /* @__PURE__ */ message<Empty>({});

/** A request: its name, what it takes and what it is answered with. */
export interface Request<A, R> {
  readonly name: string;
  readonly argument: MessageCodec<A>;
  readonly answer: MessageCodec<R>;
}

export function request<A, R>(name: string, argument: MessageCodec<A>, answer: MessageCodec<R>): Request<A, R> {
  return { name, argument, answer };
}

/** What the server tells by itself. */
export interface Push<A> {
  readonly name: string;
  readonly argument: MessageCodec<A>;
}

export function push<A>(name: string, argument: MessageCodec<A>): Push<A> {
  return { name, argument };
}
