// S3 in R2's place, read only: for a Worker whose broadcasts are taken in by AWS. Configured by S3_BUCKET and S3_REGION (or
// S3_ENDPOINT, with the bucket in the path), S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY. Bundled into build/bucket.js.

import { S3, metaOf, sizeOf } from "./s3.mjs";

/** The environment, with a bucket of S3's where it names one. */
export const withBucket = (env) => (env.S3_BUCKET ? { ...env, MEDIA: new R2Bucket(env) } : env);

/** As much of an R2 bucket as viewers need. Its name is what buckets are known by. */
class R2Bucket {
  constructor({ S3_BUCKET, S3_REGION, S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY }) {
    this.s3 = new S3({
      base: S3_ENDPOINT ? `${S3_ENDPOINT}/${S3_BUCKET}` : `https://${S3_BUCKET}.s3.${S3_REGION}.amazonaws.com`,
      region: S3_REGION,
      accessKeyId: S3_ACCESS_KEY_ID,
      secretAccessKey: S3_SECRET_ACCESS_KEY,
    });
  }

  async head(key) {
    const response = await this.s3.object("HEAD", key);
    return response && described(key, response);
  }

  async get(key, { range } = {}) {
    const headers = range ? { range: `bytes=${range.offset}-${range.offset + range.length - 1}` } : {};
    const response = await this.s3.object("GET", key, headers);
    if (response === null) return null;
    // R2 says so of objects that come with their bodies.
    const body = { body: response.body, bodyUsed: false, arrayBuffer: () => response.arrayBuffer() };
    return Object.assign(described(key, response), body);
  }

  async list({ prefix = "", delimiter, cursor } = {}) {
    const { keys, folders, next } = await this.s3.list(prefix, delimiter, cursor);
    const objects = keys.map((key) => ({ key }));
    return { objects, delimitedPrefixes: folders, truncated: next !== undefined, cursor: next };
  }

  async put() {
    throw new Error("this Worker only reads: push to the ingest that writes to the bucket");
  }
}

/** An object as R2 describes one. */
function described(key, response) {
  const meta = metaOf(response);
  return {
    key,
    size: sizeOf(response),
    etag: (response.headers.get("etag") ?? "").replaceAll('"', ""),
    customMetadata: meta === null ? {} : { rimcast: meta },
  };
}
