// Runs the scenarios in a page, for whoever drives a browser: see README.md.

import * as yizhan from "../src/index";
import { domains } from "./domains";
import { type Place, Stage, scenarios } from "./scenarios";
import { services } from "./services";

export interface Results {
  done: boolean;
  results: { name: string; ok: boolean; error: string; ms: number }[];
}

declare global {
  interface Window {
    /** For tests that drive clients themselves. */
    yizhan: typeof yizhan;
    __place?: Place;
    __results: Results;
  }
}

const out: Results = { done: false, results: [] };
window.__results = out;

function show(text: string): void {
  const line = document.createElement("li");
  line.textContent = text;
  document.querySelector("#results")?.append(line);
}

async function run(): Promise<void> {
  const place: Place = window.__place ?? JSON.parse(new URL(location.href).searchParams.get("place") ?? "null");
  for (const { name, run } of [...scenarios, ...domains, ...services].filter((one) => place.backend || !one.backend)) {
    const stage = new Stage(place);
    const begin = performance.now();
    let error = "";
    try {
      await run(stage);
    } catch (err) {
      error = err instanceof Error ? `${err.message}\n${err.stack}` : String(err);
    } finally {
      await stage.close();
    }
    const ms = Math.round(performance.now() - begin);
    out.results.push({ name, ok: error === "", error, ms });
    show(`${error ? "FAILED" : "ok"} ${name} (${ms} ms) ${error}`);
  }
}

window.yizhan = yizhan;
(new URL(location.href).searchParams.has("idle") ? Promise.resolve() : run())
  .catch((err) => out.results.push({ name: "the page itself", ok: false, error: String(err), ms: 0 }))
  .finally(() => {
    out.done = true;
  });
