// CloudFront's part around the handler of Lambda@Edge, for tests: each HTTP request goes through the viewer request function
// (infra/aws/functions), becomes an origin request, and what the handler answers a response; what it lets pass is asked of
// the bucket, as CloudFront would ask S3, and segments of the function that sends them (RIMCAST_SEGMENTS_URL). The bucket is
// real (RIMCAST_S3_ENDPOINT). What the handler reads of it is watched, and held while a test stores what belongs together; its
// clock stands where a test has set it. Tests say so with requests to /-test/…, as to the Worker (tests/worker).
//
// Prints one line of JSON with its URL, and ends when its input does.

import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";

import { AwsClient } from "aws4fetch";

import { event as viewerRequest, load, target } from "../../infra/aws/functions/as-cloudfront.mjs";

/** Under a set clock a timer ends after this much of its time. */
const HASTE = 8;

/** What the response headers policy (infra/aws/policies.tf) adds to what S3 sends. */
const POLICY = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "Age, Content-Length, Content-Range, Date, Retry-After",
  "x-content-type-options": "nosniff",
};

/** Of what S3 sends, what viewers are sent. */
const PASSED = ["accept-ranges", "cache-control", "content-type"];

/** Headers that Lambda@Edge may not set in answers to origin requests. */
const FORBIDDEN = /^(connection|content-length|expect|keep-alive|proxy-.*|trailer|transfer-encoding|upgrade|via|x-accel-.*|x-amz-cf-.*|x-edge-.*)$/;

const RESPONSE_BYTES = 1_000_000;

const fixture = readFileSync(new URL("origin-request.json", import.meta.url), "utf8");
const bucketUrl = `${process.env.RIMCAST_S3_ENDPOINT}/${process.env.RIMCAST_BUCKET}`;
const client = new AwsClient({
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
  service: "s3",
  region: "eu-west-1",
  retries: 0,
});

const realFetch = globalThis.fetch;
const realNow = Date.now;
const realSetTimeout = globalThis.setTimeout;
const sleep = (ms) => new Promise((resolve) => realSetTimeout(resolve, ms));

let clockMs = null;
Date.now = () => clockMs ?? realNow();
globalThis.setTimeout = (callback, ms, ...rest) => realSetTimeout(callback, clockMs === null ? ms : ms / HASTE, ...rest);

const bucket = { isHeld: false, reading: [], reads: [], got: new Map() };

/** The key or prefix that a request to the bucket is about. */
function keyOf(url) {
  const { pathname, searchParams } = new URL(url);
  return searchParams.get("prefix") ?? decodeURIComponent(pathname.slice(new URL(bucketUrl).pathname.length + 1));
}

globalThis.fetch = async (request, init) => {
  const key = keyOf(request.url ?? request);
  while (bucket.isHeld) await sleep(1);
  bucket.reading.push(key);
  try {
    if ((request.method ?? init?.method) === "GET") bucket.got.set(key, (bucket.got.get(key) ?? 0) + 1);
    const response = await realFetch(request, init);
    // Small enough to be whole before the next thing is stored.
    const body = await response.arrayBuffer();
    const { status, headers } = response;
    return new Response(request.method === "HEAD" || status === 204 ? null : body, { status, headers });
  } finally {
    bucket.reading.splice(bucket.reading.indexOf(key), 1);
    bucket.reads.push(key);
  }
};

const { handler } = await import("../../edge-worker/cloudfront/build/index.js");

/** Asks the bucket, unwatched. */
const ask = async (key, init) => realFetch(await client.sign(`${bucketUrl}/${key}`, init));

async function store({ clock_ms, objects }) {
  bucket.isHeld = true;
  while (bucket.reading.length > 0) await sleep(1);
  for (const { key, meta, body } of objects) {
    const bytes = Buffer.from(body, "base64");
    const isMedia = /\.(m4s|mp4)$/.test(key);
    const headers = {
      "content-type": isMedia ? "video/mp4" : "application/json",
      "cache-control": isMedia ? "max-age=31536000, immutable" : "no-store",
      ...(meta === "" ? {} : { "x-amz-meta-rimcast": meta }),
    };
    const put = await ask(key, { method: "PUT", body: bytes, headers });
    if (!put.ok) throw new Error(`${key}: ${put.status} ${await put.text()}`);
  }
  clockMs = clock_ms ?? clockMs;
  bucket.isHeld = false;
}

/** Requests that the handler has not answered. */
let held = 0;

async function viewer(request, response) {
  const selected = [];
  const normalised = load(selected)(viewerRequest(request.url, request.method));
  if (normalised.statusCode) {
    const headers = Object.entries(normalised.headers).map(([name, { value }]) => [name, value]);
    return response.writeHead(normalised.statusCode, Object.fromEntries(headers)).end();
  }
  const url = target(normalised);
  if (selected.includes("segments")) return await segment(url, request, response);
  if (url.startsWith("/-/")) return await passed({ uri: url, origin: { s3: {} } }, request, response);
  const event = JSON.parse(fixture);
  const asked = event.Records[0].cf.request;
  const [uri, querystring = ""] = url.split(/\?(.*)/s);
  Object.assign(asked, { method: request.method, uri, querystring });
  held += 1;
  const answer = await handler(event).finally(() => (held -= 1));
  if (answer.status === undefined) return await passed(answer, request, response);
  const body = Buffer.from(answer.body ?? "", answer.bodyEncoding === "base64" ? "base64" : "utf8");
  const size = JSON.stringify(answer).length;
  if (size > RESPONSE_BYTES) throw new Error(`the handler's answer to ${request.url} has ${size} bytes, more than CloudFront takes`);
  const headers = Object.entries(answer.headers).map(([name, values]) => [name, values.map(({ value }) => value).join(", ")]);
  const forbidden = headers.find(([name]) => FORBIDDEN.test(name) || name !== name.toLowerCase());
  if (forbidden) throw new Error(`CloudFront does not let Lambda@Edge set ${forbidden}`);
  response.writeHead(Number(answer.status), Object.fromEntries(headers)).end(body);
}

/** A segment, as it comes out of the function that sends them. */
async function segment(url, { method }, response) {
  const found = await realFetch(process.env.RIMCAST_SEGMENTS_URL + url, { method });
  const headers = ["accept-ranges", "cache-control", "content-type", "access-control-allow-origin"];
  const said = headers.map((name) => [name, found.headers.get(name)]).filter(([, value]) => value !== null);
  response.writeHead(found.status, Object.fromEntries(said));
  try {
    for await (const piece of found.body ?? []) response.write(piece);
    response.end();
  } catch {
    response.destroy();
  }
}

/** What the handler lets S3 answer. */
async function passed(request, { method }, response) {
  if (!request.origin?.s3) throw new Error(`${request.uri} is let through to another origin`);
  const found = await ask(request.uri.slice(1), { method: "GET" });
  const headers = PASSED.map((name) => [name, found.headers.get(name)]).filter(([, value]) => value !== null);
  const body = Buffer.from(await found.arrayBuffer());
  response.writeHead(found.status, { ...Object.fromEntries(headers), ...POLICY }).end(method === "HEAD" ? undefined : body);
}

async function control(url, body) {
  switch (url.pathname) {
    case "/-test/store":
      return await store(JSON.parse(body));
    case "/-test/state":
      return {
        held,
        reading: bucket.reading,
        read: bucket.reads.length,
        reads: bucket.reads.slice(Number(url.searchParams.get("since"))),
        got: Object.fromEntries(bucket.got),
        writes: {},
        stored: {},
        refused: [],
      };
    default:
      throw new Error("no such control");
  }
}

const server = createServer(async (request, response) => {
  // Kept-alive connections have a header that nobody decided.
  response.shouldKeepAlive = false;
  try {
    if (!request.url.startsWith("/-test/")) return await viewer(request, response);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = await control(new URL(request.url, "http://host"), Buffer.concat(chunks).toString());
    response.end(answer === undefined ? "" : JSON.stringify(answer));
  } catch (why) {
    console.error(why);
    response.writeHead(599).end(String(why));
  }
});

// Terraform puts the player page into the bucket.
const assets = new URL("../../edge-worker/assets/", import.meta.url);
const types = { ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript" };
for (const entry of readdirSync(assets, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = path.join(entry.parentPath, entry.name);
  const key = path.relative(assets.pathname, file);
  const headers = { "content-type": types[path.extname(file)], "cache-control": "max-age=300" };
  const put = await ask(key, { method: "PUT", body: readFileSync(file), headers });
  if (!put.ok) throw new Error(`${key}: ${put.status}`);
}

process.stdin.resume();
process.stdin.once("end", () => process.exit(0));
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));
