// S3, as far as viewers' hosts read it, signed (SigV4): what Lambda@Edge and a Worker without R2 have in common.

import { parseXml } from "@rgrove/parse-xml";
import { AwsClient } from "aws4fetch";

/** S3 answers in tens of milliseconds; what takes this long has met a server that does not answer. */
const ANSWER_MS = 2000;
const ATTEMPTS = 3;
const PAUSE_MS = 50;

/** One piece of user metadata is an entry's. */
const META = "x-amz-meta-rimcast";

export class S3 {
  /** The bucket at `base`, for who has these credentials. */
  constructor({ base, region, accessKeyId, secretAccessKey, sessionToken }) {
    this.base = base;
    this.client = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, service: "s3", region, retries: 0 });
  }

  /** The response to a request for an object; null where there is none. */
  async object(method, key, headers) {
    return await this.ask(method, `/${key}`, headers);
  }

  /** A page of what is under a prefix: keys, folders, and what asks for the next page. */
  async list(prefix, delimiter, after) {
    const query = new URLSearchParams({ "list-type": "2", prefix });
    if (delimiter) query.set("delimiter", delimiter);
    if (after) query.set("continuation-token", after);
    const response = await this.ask("GET", `/?${query}`);
    if (response === null) throw new Error(`${prefix} cannot be listed`);
    const page = parseXml(await response.text()).root;
    return {
      keys: named(page, "Contents").map((object) => text(object, "Key")),
      folders: named(page, "CommonPrefixes").map((folder) => text(folder, "Prefix")),
      next: text(page, "NextContinuationToken"),
    };
  }

  /** Writes an object where there is none; false: there is one, or somebody writes it now. */
  async create(key, meta, body) {
    const response = await this.ask("PUT", `/${key}`, { "if-none-match": "*", ...(meta && { [META]: meta }) }, body);
    return response !== null;
  }

  async ask(method, path, headers, body) {
    for (let attempt = 1; ; attempt += 1) {
      let why;
      // Until it answers: a body may be read for as long as its reader takes.
      const patience = new AbortController();
      const timer = setTimeout(() => patience.abort(), ANSWER_MS);
      try {
        const response = await this.client.fetch(this.base + path, { method, headers, body, signal: patience.signal });
        if (response.ok) return response;
        await response.body?.cancel();
        // Of a write: there is one already, or another is being written.
        if (response.status === 404 || response.status === 412 || response.status === 409) return null;
        why = new Error(`S3 answered ${response.status} to ${method} ${path}`);
        if (response.status < 500 && response.status !== 429) attempt = ATTEMPTS;
      } catch (error) {
        why = error;
      } finally {
        clearTimeout(timer);
      }
      if (attempt >= ATTEMPTS) throw why;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt * (0.5 + Math.random() / 2)));
    }
  }
}

/** An entry's metadata, by the response about it; null where it has none. */
export const metaOf = (response) => response.headers.get(META);

/** Size of the whole object. */
export function sizeOf({ headers }) {
  const range = headers.get("content-range");
  return Number(range ? range.split("/")[1] : headers.get("content-length"));
}

/** What is directly in an element and has this name. */
const named = (element, name) => element.children.filter((child) => child.name === name);
const text = (element, name) => named(element, name)[0]?.text;
