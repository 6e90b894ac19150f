// The icons: strokes in a 24 × 24 box, in the colour of the text around them.

const paths = {
  back: "M15 5l-7 7 7 7",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2.5 12.5l4.5 4.5L16 8M12 16l1 1 8.5-9",
  clock: "M12 7v5l3 2M12 3a9 9 0 100 18 9 9 0 000-18z",
  alert: "M12 8v5M12 16.5v.01M12 3a9 9 0 100 18 9 9 0 000-18z",
  send: "M4.5 12h14M12.5 6l6 6-6 6",
  plus: "M12 5v14M5 12h14",
  down: "M6 10l6 6 6-6",
  smile: "M8.5 14.2a4.2 4.2 0 007 0M9 9.5v.01M15 9.5v.01M12 3a9 9 0 100 18 9 9 0 000-18z",
  recall: "M4 9.5h10a5.5 5.5 0 010 11h-3M4 9.5l4.5-4.5M4 9.5L8.5 14",
  retry: "M19.5 8.5A8.2 8.2 0 1020 14M19.8 3.8v4.9h-4.9",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7",
  reply: "M9.5 7L4.5 12l5 5M4.5 12H14a5.5 5.5 0 015.5 5.5",
  clip: "M8 12.5l6.2-6.2a3 3 0 014.3 4.3l-7.9 7.9a5 5 0 01-7.1-7.1L11 4",
  file: "M7 3.5h7l4 4v13H7zM14 3.5v4h4",
  people: "M9 11.5a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM3 19.5a6 6 0 0112 0M16 5a3.2 3.2 0 010 6M17.5 14.2a5.5 5.5 0 013.5 5.3",
  leave: "M14 4.5H6v15h8M10.5 12H20M16.5 8.5L20 12l-3.5 3.5",
  hash: "M9.5 4l-2 16M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  sun: "M12 8.2a3.8 3.8 0 100 7.6 3.8 3.8 0 000-7.6zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  house: "M3.5 11.5c3.8-.5 6.5-2.2 8.5-5.5 2 3.3 4.7 5 8.5 5.5M6.5 12.5V20h11v-7.5M12 20v-4.5",
  cloud: "M4 4l16 16M8 8.2A5 5 0 006 9.5 4.5 4.5 0 007.5 18.5H17M19.5 17.6A4 4 0 0018 10.5 6 6 0 0011.5 6",
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}
