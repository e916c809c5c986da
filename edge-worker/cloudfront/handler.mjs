// The handler of Lambda@Edge, for CloudFront's origin requests: playlists and manifests are made here; a part or header
// that is there, or comes while its viewer waits, is left to S3 to send; what is bound for another origin is left alone.
// Everything is decided by the packager (src/), which knows nothing of CloudFront or S3.

import { gzipSync } from "node:zlib";

import { Packager, failed, unavailable } from "./build/edge.js";
import { Bucket } from "./bucket.mjs";

/** Most bytes of a generated response, headers and all, and bodies in base64: CloudFront takes 1 MB. */
const RESPONSE_BYTES = 1_000_000;

/** Left for status and headers. */
const HEAD_BYTES = 8_000;

/** Where the player page is in the bucket. */
const PAGE = "-/player/index.html";

/** What this sandbox knows. It answers one request at a time. */
const packager = new Packager();

export async function handler(event) {
  const { request } = event.Records[0].cf;
  const origin = request.origin?.s3;
  if (!origin) return request;
  try {
    return await answer(request, Bucket.of(origin));
  } catch (why) {
    console.error(JSON.stringify({ level: "ERROR", uri: request.uri, why: String(why?.stack ?? why) }));
    return response(unavailable(), request);
  }
}

async function answer(request, bucket) {
  const { method, uri, querystring } = request;
  const asked = Date.now();
  let since = asked;
  for (;;) {
    const next = packager.next(method, uri, querystring, asked, since, Date.now());
    switch (next.kind) {
      case "read":
        await read(next, bucket);
        break;
      case "wait":
        await wait(next, bucket);
        since = Date.now();
        break;
      case "write":
        await write(next, bucket);
        break;
      case "object":
        return await object(next, request, bucket);
      case "page":
        return await page(next, request, bucket);
      case "segment":
        return response(failed(500, "segments come from another origin; CloudFront is not set up as it should be"), request);
      default:
        return response(next, request);
    }
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Reads all at once. */
async function read(next, bucket) {
  const reads = next.reads;
  const asked = Date.now();
  const looks = [];
  for (let index = 0; index < reads.length / 2; index += 1) {
    looks.push(look(next, index, reads[2 * index], reads[2 * index + 1], asked, bucket));
  }
  const found = await Promise.all(looks);
  found.forEach((isThere, index) => isThere || packager.missing(next, index, asked));
}

/** Reads one thing, and tells the packager of it. Whether there was anything. */
async function look(next, index, how, key, asked, bucket) {
  if (how === "list") {
    packager.listed(next, index, await bucket.list(key), asked);
    return true;
  }
  const found = how === "head" ? await bucket.head(key) : await bucket.get(key);
  if (found) packager.found(next, index, found.meta, found.size, found.body, asked);
  return found !== null;
}

/** Looks for what is waited for, until it is there, or for as long as a request is held. */
async function wait(next, bucket) {
  const [how, key] = next.reads;
  let now = Date.now();
  while (now < next.until) {
    await sleep(Math.max(next.pollAt(now) - now, 1));
    now = Date.now();
    if (await look(next, 0, how, key, now, bucket)) return;
    now = Date.now();
  }
}

/** Writes what is due, where nothing is: of what is there already, the packager is told. */
async function write(next, bucket) {
  try {
    if (await bucket.create(next.key, next.meta, next.body)) return packager.wrote(next, Date.now());
    const there = await bucket.get(next.key);
    if (there) return packager.exists(next, there.meta, there.size, there.body, Date.now());
  } catch (why) {
    console.error(JSON.stringify({ level: "ERROR", key: next.key, why: String(why?.stack ?? why) }));
  }
  packager.notWritten(next, Date.now());
}

/** A part or header: S3 sends it. A marker, which has no bytes, is nothing to viewers. */
async function object(next, request, bucket) {
  const found = await bucket.head(next.key);
  if (found === null || found.size === 0) return response(next.absent(), request);
  return { ...request, uri: `/${next.key}`, querystring: "" };
}

async function page(next, request, bucket) {
  const found = await bucket.get(PAGE);
  if (found === null) return response(failed(404, "there is no player page in the bucket; apply the deployment again"), request);
  return response(next, request, found.body);
}

/** A response as CloudFront wants it. */
function response(next, request, body = next.body) {
  const headers = {};
  const lines = next.headers;
  for (let at = 0; at < lines.length; at += 2) headers[lines[at]] = [{ value: lines[at + 1] }];
  const made = { status: String(next.status), headers };
  if (request.method === "HEAD" || body.length === 0) return made;
  const room = RESPONSE_BYTES - HEAD_BYTES;
  if (body.length <= room) return { ...made, body: Buffer.from(body).toString("utf8"), bodyEncoding: "text" };
  // CloudFront compresses what it is given; what is too long for it to be given is compressed before.
  const packed = accepts(request, "gzip") ? gzipSync(body).toString("base64") : null;
  if (packed === null || packed.length > room) {
    return response(failed(500, "this is longer than Lambda@Edge can answer; set a shorter window"), request);
  }
  headers["content-encoding"] = [{ value: "gzip" }];
  headers.vary = [{ value: "Accept-Encoding" }];
  return { ...made, body: packed, bodyEncoding: "base64" };
}

const accepts = (request, coding) =>
  (request.headers?.["accept-encoding"] ?? []).some(({ value }) => value.split(",").some((one) => one.trim().startsWith(coding)));
