// Runs the Worker in workerd as wrangler.toml says, but for its entry, which is ./entry.mjs beside this file:
// the built Worker with a bucket and a clock that tests can watch and hold. Prints one line of JSON with its URL, and ends
// when its input does, so that it never outlives the test that started it.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { unstable_getMiniflareWorkerOptions } from "wrangler";

// Miniflare is wrangler's own, wherever npm has put it.
const { Miniflare, convertV4MiniflareOptions } = createRequire(createRequire(import.meta.url).resolve("wrangler"))("miniflare");

const root = fileURLToPath(new URL("../..", import.meta.url));
const { workerOptions } = unstable_getMiniflareWorkerOptions(path.join(root, "wrangler.toml"));
const { modulesRules, ...options } = workerOptions;

const module = (type, file) => ({ type, path: path.join(root, file), contents: readFileSync(path.join(root, file)) });

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: { continent: "EU" },
    handleStructuredLogs: ({ level, message }) => console.error(`${level}: ${message}`),
    workers: [
      {
        ...options,
        name: "rimcast",
        modulesRoot: root,
        modules: [
          module("ESModule", "tests/worker/entry.mjs"),
          module("ESModule", "edge-worker/entry.js"),
          module("ESModule", "edge-worker/build/index.js"),
          module("ESModule", "edge-worker/build/bucket.js"),
          module("CompiledWasm", "edge-worker/build/index_bg.wasm"),
        ],
      },
    ],
  }),
);

process.stdin.resume();
process.stdin.once("end", async () => {
  await miniflare.dispose();
  process.exit(0);
});

const url = await miniflare.ready;
console.log(JSON.stringify({ url: url.origin }));
