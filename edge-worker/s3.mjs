// S3 in R2's place, read only: for a Worker whose broadcasts are taken in by AWS. Configured by S3_BUCKET and S3_REGION (or
// S3_ENDPOINT, with the bucket in the path), S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY. Bundled into build/s3.js.

import { parseXml } from "@rgrove/parse-xml";
import { AwsClient } from "aws4fetch";

/** One piece of user metadata is an entry's, under the name that it has in R2 too. */
const META = "x-amz-meta-rimcast";

/** S3 answers in tens of milliseconds; what takes this long has met a server that does not answer. */
const ATTEMPT_MS = 2000;
const ATTEMPTS = 3;
const PAUSE_MS = 50;

/** The environment, with a bucket of S3's where it names one. */
export const withBucket = (env) => (env.S3_BUCKET ? { ...env, MEDIA: new R2Bucket(env) } : env);

/** As much of an R2 bucket as viewers need. Its name is what buckets are known by. */
class R2Bucket {
  constructor({ S3_BUCKET, S3_REGION, S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY }) {
    this.base = S3_ENDPOINT ? `${S3_ENDPOINT}/${S3_BUCKET}` : `https://${S3_BUCKET}.s3.${S3_REGION}.amazonaws.com`;
    this.client = new AwsClient({
      accessKeyId: S3_ACCESS_KEY_ID,
      secretAccessKey: S3_SECRET_ACCESS_KEY,
      service: "s3",
      region: S3_REGION,
      retries: 0,
    });
  }

  async head(key) {
    const response = await this.ask("HEAD", `/${key}`);
    return response && described(key, response);
  }

  async get(key, { range } = {}) {
    const headers = range ? { range: `bytes=${range.offset}-${range.offset + range.length - 1}` } : {};
    const response = await this.ask("GET", `/${key}`, headers);
    if (response === null) return null;
    const { body } = response;
    // R2 says so of objects that come with their bodies.
    return Object.assign(described(key, response), {
      body,
      bodyUsed: false,
      arrayBuffer: () => response.arrayBuffer(),
    });
  }

  async list({ prefix = "", delimiter, cursor } = {}) {
    const query = new URLSearchParams({ "list-type": "2", prefix });
    if (delimiter) query.set("delimiter", delimiter);
    if (cursor) query.set("continuation-token", cursor);
    const response = await this.ask("GET", `/?${query}`);
    if (response === null) throw new Error(`${prefix} cannot be listed`);
    const page = parseXml(await response.text()).root;
    return {
      objects: named(page, "Contents").map((object) => ({ key: text(object, "Key") })),
      delimitedPrefixes: named(page, "CommonPrefixes").map((folder) => text(folder, "Prefix")),
      truncated: text(page, "IsTruncated") === "true",
      cursor: text(page, "NextContinuationToken"),
    };
  }

  async put() {
    throw new Error("this Worker only reads: push to the ingest that writes to the bucket");
  }

  /** The answer; null where there is nothing. */
  async ask(method, path, headers) {
    for (let attempt = 1; ; attempt += 1) {
      let why;
      try {
        const signal = AbortSignal.timeout(ATTEMPT_MS);
        const response = await this.client.fetch(this.base + path, { method, headers, signal });
        if (response.ok) return response;
        await response.body?.cancel();
        if (response.status === 404) return null;
        why = new Error(`S3 answered ${response.status} to ${method} ${path}`);
        if (response.status < 500 && response.status !== 429) attempt = ATTEMPTS;
      } catch (error) {
        why = error;
      }
      if (attempt >= ATTEMPTS) throw why;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt * (0.5 + Math.random() / 2)));
    }
  }
}

/** What is directly in an element and has this name. */
const named = (element, name) => element.children.filter((child) => child.name === name);
const text = (element, name) => named(element, name)[0]?.text;

/** An object as R2 describes one. */
function described(key, { headers }) {
  const range = headers.get("content-range");
  const meta = headers.get(META);
  return {
    key,
    size: Number(range ? range.split("/")[1] : headers.get("content-length")),
    etag: (headers.get("etag") ?? "").replaceAll('"', ""),
    customMetadata: meta === null ? {} : { rimcast: meta },
  };
}
