// Times and texts as people read them.

import { MessageType } from "../../src/types";

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat("en", { weekday: "long" });
const date = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const dateAndYear = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "short", hourCycle: "h23" });

/** Hours and minutes. */
export function time(ms: number): string {
  return clock.format(ms);
}

/** Date and time in full, for tooltips. */
export function moment(ms: number): string {
  return full.format(ms);
}

/** A calendar day as a key. */
export function dayKey(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${d.getMonth() + 1}-${d.getDate()}`;
}

/** Whole calendar days from ms to now. */
function daysAgo(ms: number, now: number): number {
  const midnight = (t: number) => new Date(t).setHours(0, 0, 0, 0);
  // Days with a change of the clock have 23 or 25 hours.
  return Math.round((midnight(now) - midnight(ms)) / 86_400_000);
}

/** The name of a day: today, yesterday, a weekday, a date. */
export function day(ms: number, now = Date.now()): string {
  const ago = daysAgo(ms, now);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  if (ago > 1 && ago < 7) return weekday.format(ms);
  return (new Date(ms).getFullYear() === new Date(now).getFullYear() ? date : dateAndYear).format(ms);
}

/** The time of the last change in a list: as short as is clear. */
export function when(ms: number, now = Date.now()): string {
  if (!ms) return "";
  return daysAgo(ms, now) === 0 ? time(ms) : day(ms, now);
}

const kinds: { [type: number]: string } = {
  [MessageType.Image]: "Image",
  [MessageType.Audio]: "Voice message",
  [MessageType.Video]: "Video",
  [MessageType.Location]: "Location",
  [MessageType.File]: "File",
};

/** What is shown of a message that is no text. */
export function textOf(type: number, body: string): string {
  if (type === MessageType.Text || type === MessageType.Tip) return body;
  return `[${kinds[type] ?? "Message of another kind"}]`;
}

/** Up to three emoji and nothing else. */
export function isEmoji(text: string): boolean {
  return /^(\p{Extended_Pictographic}(\uFE0F|\u200D\p{Extended_Pictographic}|\p{Emoji_Modifier})*){1,3}$/u.test(text);
}

/** The piece of a text that a link is made of. */
export interface Piece {
  text: string;
  /** Set when the piece is a web address. */
  href?: string;
}

/** Takes text apart at its web addresses; only http and https count. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'`，。！？；、）】]+/g)) {
    const link = match[0].replace(/[.,;:!?)\]}]+$/, "");
    if (!URL.canParse(link)) continue;
    if (match.index > at) found.push({ text: text.slice(at, match.index) });
    found.push({ text: link, href: link });
    at = match.index + link.length;
  }
  if (at < text.length) found.push({ text: text.slice(at) });
  return found;
}
