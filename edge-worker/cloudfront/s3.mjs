// S3, as far as the packager reads it, signed with the function's role.

import { AwsClient } from "aws4fetch";

import { Listing } from "./build/edge.js";

/** S3 answers in tens of milliseconds; what takes this long has met a server that does not answer. */
const ATTEMPT_MS = 2000;
const ATTEMPTS = 3;
const PAUSE_MS = 50;

/** One piece of user metadata is an entry's. */
const META = "x-amz-meta-rimcast";

let known = null;

export class Bucket {
  /** The bucket of CloudFront's S3 origin. In tests it is elsewhere: RIMCAST_S3_ENDPOINT. */
  static of(origin) {
    const endpoint = process.env.RIMCAST_S3_ENDPOINT;
    const base = endpoint ? `${endpoint}/${origin.domainName.split(".")[0]}` : `https://${origin.domainName}`;
    // BUCKET.s3.REGION.amazonaws.com: the event's own region is empty with origin access control.
    if (known?.base !== base) known = new Bucket(base, origin.region || origin.domainName.split(".").at(-3));
    return known;
  }

  constructor(base, region) {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
    this.base = base;
    this.client = new AwsClient({
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      sessionToken: AWS_SESSION_TOKEN,
      service: "s3",
      region,
      retries: 0,
    });
  }

  /** An object, or null. */
  async get(key) {
    const response = await this.ask("GET", `/${key}`);
    if (response === null) return null;
    const body = new Uint8Array(await response.arrayBuffer());
    return { meta: response.headers.get(META) ?? "", size: body.length, body };
  }

  /** What is known of an object, or null. */
  async head(key) {
    const response = await this.ask("HEAD", `/${key}`);
    if (response === null) return null;
    const size = Number(response.headers.get("content-length"));
    return { meta: response.headers.get(META) ?? "", size, body: new Uint8Array() };
  }

  /** The names directly under a prefix. */
  async list(prefix) {
    const names = [];
    let after = null;
    do {
      const query = new URLSearchParams({ "list-type": "2", delimiter: "/", prefix });
      if (after !== null) query.set("continuation-token", after);
      const response = await this.ask("GET", `/?${query}`);
      const page = response && Listing.parse(await response.text(), prefix);
      if (!page) throw new Error(`${prefix} cannot be listed`);
      names.push(...page.names);
      after = page.continues ?? null;
    } while (after !== null);
    return names.sort();
  }

  async ask(method, path) {
    for (let attempt = 1; ; attempt += 1) {
      let why;
      try {
        const response = await this.client.fetch(this.base + path, { method, signal: AbortSignal.timeout(ATTEMPT_MS) });
        if (response.ok) return response;
        // Without the right to list, S3 says 403 of what is not there.
        if (response.status === 404) return null;
        why = `${method} ${path}: ${response.status}`;
        await response.body?.cancel();
        if (response.status < 500 && response.status !== 429) throw new Refused(why);
      } catch (error) {
        if (error instanceof Refused) throw error;
        why ??= `${method} ${path}: ${error}`;
      }
      if (attempt === ATTEMPTS) throw new Error(why);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt * (0.5 + Math.random() / 2)));
    }
  }
}

class Refused extends Error {}
