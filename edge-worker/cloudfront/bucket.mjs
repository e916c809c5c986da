// The bucket of CloudFront's S3 origin, read with the function's role.

import { S3, metaOf, sizeOf } from "../s3.mjs";

let known = null;

export class Bucket {
  /** The origin's bucket. In tests it is elsewhere: RIMCAST_S3_ENDPOINT. */
  static of({ domainName, region }) {
    const endpoint = process.env.RIMCAST_S3_ENDPOINT;
    // BUCKET.s3.REGION.amazonaws.com: the event's own region is empty with origin access control.
    const labels = domainName.split(".");
    const base = endpoint ? `${endpoint}/${labels[0]}` : `https://${domainName}`;
    if (known?.s3.base !== base) known = new Bucket(base, region || labels.at(-3));
    return known;
  }

  constructor(base, region) {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
    this.s3 = new S3({
      base,
      region,
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      sessionToken: AWS_SESSION_TOKEN,
    });
  }

  /** An object, or null. */
  async get(key) {
    const response = await this.s3.object("GET", key);
    if (response === null) return null;
    const body = new Uint8Array(await response.arrayBuffer());
    return { meta: metaOf(response) ?? "", size: body.length, body };
  }

  /** Writes an object where there is none; whether it did. */
  async create(key, meta, body) {
    return await this.s3.create(key, meta, body);
  }

  /** What is known of an object, or null. */
  async head(key) {
    const response = await this.s3.object("HEAD", key);
    return response && { meta: metaOf(response) ?? "", size: sizeOf(response), body: new Uint8Array() };
  }

  /** The names directly under a prefix. */
  async list(prefix) {
    const names = new Set();
    let after;
    do {
      const { keys, folders, next } = await this.s3.list(prefix, "/", after);
      for (const key of [...keys, ...folders]) names.add(key.slice(prefix.length).replace(/\/$/, ""));
      after = next;
    } while (after);
    // What another tool made to stand for the folder itself has no name in it.
    names.delete("");
    return [...names].sort();
  }
}
