// Runs the Worker in workerd, as `wrangler dev` does, on ports of the system's choice.
//
//     node serve.mjs [JSON]
//
//   count    put a Worker before it that counts requests by URL and status: GET /-/counts
//   bare     leave out the static assets, which here are a Worker before the Worker
//   bucket   give a small Worker the bucket as well (below)
//   workers  more Workers in the same workerd: [{ name, modules: [path, …] }], the first module is the main one
//
// When all answer it prints one line of JSON: the URL of the Worker, those of the other Workers by name, and
// workerd's process. It ends when its standard input does, so that it does not outlive who started it.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unstable_getMiniflareWorkerOptions as workerOptions } from "wrangler";

// The Miniflare that wrangler is made with.
const { Miniflare, convertV4MiniflareOptions } = createRequire(createRequire(import.meta.url).resolve("wrangler"))("miniflare");

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const options = JSON.parse(process.argv[2] ?? "{}");

/** What Miniflare takes for modules, given their paths. */
function modules(paths) {
  const kind = (path) => (path.endsWith(".wasm") ? "CompiledWasm" : "ESModule");
  return {
    modulesRoot: dirname(paths[0]),
    modules: paths.map((path) => ({ type: kind(path), path, contents: readFileSync(path) })),
  };
}

/** Each on a port of its own, without Miniflare's own Worker before it. */
const direct = (...entrypoints) =>
  entrypoints.map((entrypoint) => ({ host: "127.0.0.1", port: 0, entrypoint }));

const COUNTING = `
  const counts = {};
  export default {
    async fetch(request, env) {
      const url = new URL(request.url);
      if (url.pathname === "/-/counts") return Response.json(counts);
      const target = url.pathname + url.search;
      const count = (counts[target] ??= { asked: 0, statuses: {} });
      count.asked += 1;
      const response = await env.RIMCAST.fetch(request);
      count.statuses[response.status] = (count.statuses[response.status] ?? 0) + 1;
      return response;
    },
  };`;

// What storage costs here: GET /{head|get|put}/{times}/{key} does that so often, one after the other.
const BUCKET = `
  export default {
    async fetch(request, env) {
      const [, what, times, ...key] = new URL(request.url).pathname.split("/");
      for (let i = 0; i < Number(times); i += 1) {
        if (what === "put") await env.MEDIA.put(key.join("/") + i, new Uint8Array(18750));
        else await env.MEDIA[what](key.join("/"));
      }
      return new Response("done");
    },
  };`;

const { workerOptions: rimcast } = workerOptions(join(ROOT, "wrangler.toml"));
const built = ["entry.js", "build/index.js", "build/bucket.js", "build/index_bg.wasm"];
const workers = [
  {
    ...rimcast,
    name: "rimcast",
    ...modules(built.map((path) => join(ROOT, "edge-worker", path))),
    unsafeDirectSockets: direct("default", "Packager"),
  },
];
const { compatibilityDate } = rimcast;
if (options.bare) delete workers[0].assets;
if (options.count) {
  const serviceBindings = { RIMCAST: "rimcast" };
  workers.unshift({ name: "counting", compatibilityDate, modules: true, script: COUNTING, serviceBindings });
}
if (options.bucket) {
  const { r2Buckets } = rimcast;
  const unsafeDirectSockets = direct("default");
  workers.push({ name: "bucket", compatibilityDate, modules: true, script: BUCKET, r2Buckets, unsafeDirectSockets });
}
for (const { name, modules: paths } of options.workers ?? []) {
  workers.push({ name, compatibilityDate, ...modules(paths), unsafeDirectSockets: direct("default") });
}

const began = performance.now();
const miniflare = new Miniflare(convertV4MiniflareOptions({ host: "127.0.0.1", port: 0, workers }));
const url = await miniflare.ready;
const urls = {};
for (const { name, unsafeDirectSockets } of workers) {
  for (const { entrypoint } of unsafeDirectSockets ?? []) {
    const of = await miniflare.unsafeGetDirectURL(name, entrypoint);
    urls[entrypoint === "default" ? name : `${name}.${entrypoint}`] = of.origin;
  }
}
console.log(JSON.stringify({ url: url.origin, urls, pid: process.pid }));
process.stdin.resume();
process.stdin.on("end", async () => {
  await miniflare.dispose();
  process.exit(0);
});
