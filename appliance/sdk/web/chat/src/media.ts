// Images and files in messages: what their bodies say, and where they are shown.

import type { Files, Message } from "../../src/index";
import { MessageType } from "../../src/types";
import { h, toast } from "./dom";
import { icon } from "./icons";

/** What is needed of an attachment to show it. */
export interface Media {
  image: boolean;
  url: string;
  name: string;
  size: number;
  /** In pixels; 0 when not known. */
  width: number;
  height: number;
}

/** The thumbnail's longer side, in pixels of the screen at twice the size that is shown. */
const thumb = 512;
const shown = 256;

/** The attachment of a message; undefined when it has none that can be shown. */
export function mediaOf(message: Pick<Message, "type" | "body">): Media | undefined {
  if (message.type !== MessageType.Image && message.type !== MessageType.File) return undefined;
  try {
    const body = JSON.parse(message.body) as Record<string, unknown>;
    if (typeof body.url !== "string") return undefined;
    const number = (x: unknown) => (typeof x === "number" && x > 0 ? x : 0);
    return {
      image: message.type === MessageType.Image,
      url: body.url,
      name: typeof body.name === "string" ? body.name : "",
      size: number(body.size),
      width: number(body.w),
      height: number(body.h),
    };
  } catch {
    return undefined; // whatever somebody has sent
  }
}

/** The element that shows it. A link is asked for when it is needed, because links end. */
export function mediaElement(media: Media, files: Files): HTMLElement {
  const open = async (event: Event) => {
    event.preventDefault();
    try {
      const { url } = await files.link(media.url, { download: !media.image });
      window.open(url, "_blank", "noopener");
    } catch {
      toast("The file cannot be opened now.");
    }
  };
  if (!media.image) {
    const link = h("a", { class: "file", href: "#" }, icon("file"), h("span", { dir: "auto" }, media.name || "File"), size(media.size));
    link.addEventListener("click", open);
    return link;
  }
  const img = h("img", { class: "image", alt: media.name || "Image", ...box(media) });
  img.addEventListener("error", () => img.replaceWith(h("span", { class: "text" }, "[Image]")));
  files.link(media.url, { thumb }).then(
    ({ url }) => {
      img.src = url;
    },
    () => img.dispatchEvent(new Event("error")),
  );
  const link = h("a", { class: "image-link", href: "#" }, img);
  link.addEventListener("click", open);
  return link;
}

/** The room that the picture takes, so that nothing moves when it comes. */
function box({ width, height }: Media): { width: number; height: number } {
  const scale = Math.min(shown / Math.max(width, height, 1), 1);
  return width && height
    ? { width: Math.max(Math.round(width * scale), 24), height: Math.max(Math.round(height * scale), 24) }
    : { width: shown, height: shown };
}

function size(bytes: number): string {
  if (bytes === 0) return "";
  const unit = bytes < 1 << 20 ? 1 << 10 : 1 << 20;
  return ` ${Math.max(bytes / unit, 0.1).toFixed(1)} ${unit === 1 << 10 ? "KiB" : "MiB"}`;
}
