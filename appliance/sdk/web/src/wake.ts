/** Calls wake when the user or the network comes back; the result stops that. In Node it never does. */
export function onWake(wake: () => void): () => void {
  if (typeof document === "undefined") {
    return () => {};
  }
  const ifVisible = () => {
    if (document.visibilityState === "visible") {
      wake();
    }
  };
  globalThis.addEventListener("online", ifVisible);
  globalThis.addEventListener("pageshow", ifVisible);
  document.addEventListener("visibilitychange", ifVisible);
  return () => {
    globalThis.removeEventListener("online", ifVisible);
    globalThis.removeEventListener("pageshow", ifVisible);
    document.removeEventListener("visibilitychange", ifVisible);
  };
}
