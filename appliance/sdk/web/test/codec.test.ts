import { expect, test } from "vitest";
import { bool, enumeration, id, int, list, message, optional, signed, text } from "../src/codec";

type Color = "none" | "red" | "blue";
const Color = enumeration<Color>("COLOR_", { none: 0, red: 1, blue: 4 });
interface Inner {
  n: number;
}
const Inner = message<Inner>({ n: signed });
interface Outer {
  name: string;
  on: boolean;
  seq: number;
  id: string;
  color: Color;
  inner?: Inner;
  note?: string;
  all: Inner[];
}
const Outer = message<Outer>({
  name: text,
  on: bool,
  seq: int,
  id: id,
  color: Color,
  inner: optional(Inner),
  note: optional(text),
  all: list(Inner),
});
const blank = { name: "", on: false, seq: 0, id: "", color: "none", all: [] };

test("reading takes anything, and what is left out has its default", () => {
  for (const junk of [undefined, null, 1, "x", [], {}, { name: 1, on: "true", seq: "x", color: "PINK", all: {} }]) {
    expect(Outer.read(junk)).toEqual(blank);
  }
  expect(Outer.read({ seq: "-5", all: [null, { n: "-60" }] })).toEqual({ ...blank, all: [{ n: 0 }, { n: -60 }] });
});

test("reading knows names and numbers, and 64 bits as text", () => {
  const json = { seq: "12", id: "18446744073709551615", color: "COLOR_BLUE", inner: {}, note: "", extra: 1 };
  const want = { ...blank, seq: 12, id: "18446744073709551615", color: "blue", inner: { n: 0 }, note: "" };
  expect(Outer.read(json)).toEqual(want);
  expect(Outer.read({ ...json, color: 4, seq: 12 })).toEqual(want);
  expect(Outer.read({ __proto__: { name: "x" }, color: "COLOR_toString" }).color).toBe("none");
});

test("writing names only what is given", () => {
  expect(Outer.init({ name: "a", color: "red", inner: { n: -1 }, note: undefined, all: [{}, { n: 2 }] })).toEqual({
    name: "a",
    color: "COLOR_RED",
    inner: { n: -1 },
    all: [{}, { n: 2 }],
  });
  expect(Outer.init({})).toEqual({});
});
