import { type Client, coreOf } from "./client";
import { UsageError } from "./errors";
import { FileError, FileService } from "./fileservice";
import { int, object, objects, text } from "./protojson";
import { type Content, MessageType } from "./types";

/** Sizes of the pieces of an upload, in bytes: they grow while each is sent fast. */
const minPiece = 256 << 10;
const maxPiece = 8 << 20;
const fast = 1_000;
/** Content up to this size is digested here, so that the server finds what was damaged on its way. */
const maxDigest = 32 << 20;
/** Links that are remembered, and how long before their end they are asked for anew. */
const maxLinks = 500;
const linkMargin = 5 * 60_000;
/** Links that one request asks for. */
const maxAsked = 100;

export interface FilesOptions {
  /** The site, such as https://im.example.com; the default is the origin of the client's lbs or endpoint. */
  url?: string;
  /** Makes the requests. For tests. */
  fetch?: typeof globalThis.fetch;
}

/** What the app knows of what it uploads; every field may be missing. */
export interface UploadOptions {
  /** With its ending, as in photo.jpg; that of a File is the default. */
  name?: string;
  /** Of audio and video. */
  durationMs?: number;
  /** Of video, in pixels; of images the server finds them. */
  width?: number;
  height?: number;
  /** Told after each piece. */
  onProgress?: (sent: number, size: number) => void;
  /** Gets the address under which the upload can be resumed, also by a later page within a day. */
  onStart?: (resume: string) => void;
  /** What onStart was told; of the same content. */
  resume?: string;
  /** Ends the upload; the server forgets it, unless keep is set. */
  signal?: AbortSignal;
  keep?: boolean;
}

/** An uploaded file. */
export interface UploadedFile {
  /** Where the file is for good. It opens with Files.link only. */
  url: string;
  name: string;
  size: number;
  md5: string;
  ext: string;
  /** Of images and videos, in pixels; else 0. */
  width: number;
  height: number;
  durationMs: number;
  /** Found in the content, such as image/png. */
  type: string;
  /** The message that shows it: an image, audio, video or file. */
  content: Content;
}

/** A signed link, which opens for anybody until it expires. */
export interface FileLink {
  url: string;
  expiresMs: number;
}

/**
 * The files of messages: upload, then send the result's content; link makes an
 * address that a page can show. A call goes on after every interruption, where the
 * server says. What trying again would not change is a FileError.
 */
export class Files {
  readonly #service: FileService;
  readonly #links = new Map<string, FileLink>(); // by address, the latest asked for last
  #asking: { urls: Set<string>; done: Promise<void> } | undefined;

  /** The client need not be connected: files go over HTTP. */
  constructor(client: Client, options: FilesOptions = {}) {
    const { settings, calls } = coreOf(client);
    const url = (options.url ?? settings.endpoint).replace(/\/$/, "");
    if (!/^https?:\/\//.test(url)) {
      throw new UsageError("url must be a URL such as https://im.example.com");
    }
    const { appKey, account, token } = settings;
    const fetch = options.fetch ?? ((...args) => globalThis.fetch(...args));
    this.#service = new FileService(url, { appKey, account, token }, settings, fetch);
    calls.onEnd(() => this.#service.close());
  }

  /** Uploads content, in pieces. */
  async upload(content: Blob, options: UploadOptions = {}): Promise<UploadedFile> {
    const { signal, onProgress } = options;
    const service = this.#service;
    const metadata = await metadataOf(content, options);
    let address = options.resume ?? "";
    let sent = 0;
    let known = address === ""; // whether sent is what the server has
    let piece = minPiece;
    try {
      return await service.persist(async (advanced) => {
        if (!address) {
          address = await this.#begin(content.size, metadata, signal);
          options.onStart?.(address);
          advanced();
        } else if (!known) {
          const at = await this.#offset(address, signal);
          if (at > sent) {
            advanced();
          }
          sent = at;
        }
        known = false; // until an answer comes
        onProgress?.(sent, content.size);
        while (sent < content.size) {
          const begin = Date.now();
          const end = Math.min(sent + piece, content.size);
          await this.#put(address, content.slice(sent, end), sent, signal);
          sent = end;
          advanced();
          onProgress?.(sent, content.size);
          piece = Date.now() - begin < fast ? Math.min(piece * 2, maxPiece) : Math.max(piece / 2, minPiece);
        }
        return uploaded((await service.granted(address, { method: "GET", signal })).json);
      }, signal);
    } catch (err) {
      if (signal?.aborted && address && !options.keep) {
        service.granted(address, { method: "DELETE", headers: tus() }).catch(() => {}); // it ends within a day anyway
      }
      throw err;
    }
  }

  async #begin(size: number, metadata: string, signal: AbortSignal | undefined): Promise<string> {
    const headers = tus({ "Upload-Length": String(size), "Upload-Metadata": metadata });
    const answer = await this.#service.granted(`${this.#service.url}/files/uploads`, {
      method: "POST",
      headers,
      signal,
    });
    const location = new URL(answer.headers.get("Location") ?? "", this.#service.url).href;
    if (!this.#service.owns(location)) {
      throw new FileError(
        answer.status,
        0,
        "bad_answer",
        "the upload is at another site: does the site have another public_url?",
      );
    }
    return location;
  }

  async #offset(address: string, signal: AbortSignal | undefined): Promise<number> {
    if (!this.#service.owns(address)) {
      throw foreign();
    }
    const { headers, status } = await this.#service.granted(address, { method: "HEAD", headers: tus(), signal });
    const offset = headers.get("Upload-Offset");
    if (offset === null) {
      throw new FileError(status, 0, "bad_answer", "the server does not tell the offset");
    }
    return int(offset);
  }

  async #put(address: string, piece: Blob, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const type = "application/offset+octet-stream";
    const headers = tus({ "Content-Type": type, "Upload-Offset": String(offset) });
    await this.#service.granted(address, { method: "PATCH", headers, body: piece, signal, patient: true });
  }

  /**
   * A link to the file at url, which comes from a message: for a page to show, with
   * thumb as a picture whose longer side has so many pixels, with download to be saved.
   * It is good for an hour or less; ask again, which costs nothing as long as it is.
   */
  async link(url: string, options: { thumb?: number; download?: boolean } = {}): Promise<FileLink> {
    if (!this.#service.owns(url)) {
      throw foreign();
    }
    let link = this.#links.get(url);
    if (!link || Date.now() > link.expiresMs - linkMargin) {
      await this.#ask(url);
      link = this.#links.get(url);
    }
    if (!link) {
      throw new FileError(404, 404, "not_found", "there is no such file");
    }
    const more = `${options.thumb ? `&thumb=${options.thumb}` : ""}${options.download ? "&download=1" : ""}`;
    return { ...link, url: link.url + more };
  }

  /** Asks for the links of one moment together. */
  #ask(url: string): Promise<void> {
    if (!this.#asking || this.#asking.urls.size >= maxAsked) {
      const urls = new Set<string>();
      const done = Promise.resolve().then(() => {
        if (this.#asking?.urls === urls) {
          this.#asking = undefined;
        }
        return this.#askAll([...urls]);
      });
      this.#asking = { urls, done };
    }
    this.#asking.urls.add(url);
    return this.#asking.done;
  }

  async #askAll(files: string[]): Promise<void> {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ files });
    const service = this.#service;
    const request = { method: "POST", headers, body };
    const { json } = await service.persist(() => service.granted(`${service.url}/files/links`, request));
    objects(json.links).forEach((link, i) => {
      const file = files[i];
      const url = text(link.url);
      if (file && service.owns(url)) {
        this.#links.delete(file);
        this.#links.set(file, { url, expiresMs: int(link.expiresMs) });
      }
    });
    for (const oldest of this.#links.keys()) {
      if (this.#links.size <= maxLinks) {
        break;
      }
      this.#links.delete(oldest);
    }
  }

  /** Deletes a file that this account has uploaded. */
  async delete(url: string): Promise<void> {
    if (!this.#service.owns(url)) {
      throw foreign();
    }
    await this.#service.persist(() => this.#service.granted(url, { method: "DELETE" }));
    this.#links.delete(url);
  }
}

function foreign(): UsageError {
  return new UsageError("the file is not at this site");
}

function tus(more: Record<string, string> = {}): Record<string, string> {
  return { "Tus-Resumable": "1.0.0", ...more };
}

/** The header Upload-Metadata (tus 1.0.0, "Creation"). */
async function metadataOf(content: Blob, o: UploadOptions): Promise<string> {
  const name = o.name ?? ("name" in content ? text(content.name) : "");
  const pairs = [
    ["filename", name],
    ["sha256", await digest(content)],
    ["dur", o.durationMs ? String(Math.round(o.durationMs)) : ""],
    ["w", o.width ? String(Math.round(o.width)) : ""],
    ["h", o.height ? String(Math.round(o.height)) : ""],
  ];
  return pairs.flatMap(([key, value]) => (value ? [`${key} ${base64(value)}`] : [])).join(",");
}

function base64(s: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(s)));
}

/** SHA-256, hexadecimal; "" where browsers do not give it (http) or the content is large. */
async function digest(content: Blob): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (!subtle || content.size > maxDigest) {
    return "";
  }
  const sum = await subtle.digest("SHA-256", await content.arrayBuffer());
  return Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, "0")).join("");
}

function uploaded(json: Record<string, unknown>): UploadedFile {
  const body = object(json.body);
  const type = text(json.type);
  return {
    url: text(body.url),
    name: text(body.name),
    size: int(body.size),
    md5: text(body.md5),
    ext: text(body.ext),
    width: int(body.w),
    height: int(body.h),
    durationMs: int(body.dur),
    type,
    content: { type: kinds[type.split("/")[0] ?? ""] ?? MessageType.File, body: JSON.stringify(body) },
  };
}

const kinds: Record<string, number> = {
  image: MessageType.Image,
  audio: MessageType.Audio,
  video: MessageType.Video,
};
