/**
 * Keeps every file of the studio, so that it works without a network after it was loaded once. A new
 * version of the page is a new cache; the old one goes when no page uses it any more.
 *
 * Answers carry the headers that isolate a page, so that from the second visit on there are threads also
 * where the web server does not send them.
 */
const VERSION = "__VERSION__";
const FILES = ["__FILES__"];
const NAME = `studio-${VERSION}`;

/** The answer with the headers of an isolated page. */
function isolated(response) {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, headers });
}

async function keep() {
  const cache = await caches.open(NAME);
  for (const file of FILES) {
    if (await cache.match(file)) continue;
    const response = await fetch(file, { cache: "no-cache" });
    if (!response.ok) throw new Error(`${file}: ${response.status}`);
    await cache.put(file, response);
  }
}

async function clean() {
  for (const name of await caches.keys()) {
    if (name.startsWith("studio-") && name !== NAME) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(request) {
  const cache = await caches.open(NAME);
  const kept =
    (await cache.match(request, { ignoreSearch: true })) ??
    (request.mode === "navigate" ? await cache.match("index.html") : undefined);
  return isolated(kept ?? (await fetch(request)));
}

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(clean()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === location.origin) {
    event.respondWith(answer(request));
  }
});
