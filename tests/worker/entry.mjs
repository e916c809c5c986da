// The Worker as it is built, under a test's eyes. It runs as ever, except that
//
// * its bucket counts what is read and written, holds reads while a test puts what belongs together, refuses what R2
//   refuses and the simulator does not, and fails once where a test says so;
// * its clock stands where a test has set it, if one has. Timers then run fast, for nothing depends on them;
// * its objects are counted in and out, and can be restarted.
//
// Tests say so with requests to /-test/….

import Gateway, * as worker from "../../edge-worker/entry.js";

/** Under a set clock a timer ends after this much of its time. */
const HASTE = 8;

/** R2 takes one write a second to a key. */
const WRITE_INTERVAL_MS = 1000;

const realNow = Date.now;
const realSetTimeout = globalThis.setTimeout;
const sleep = (ms) => new Promise((resolve) => realSetTimeout(resolve, ms));

/** Milliseconds since the epoch, or null: the system's. */
let clockMs = null;

Date.now = () => clockMs ?? realNow();
globalThis.setTimeout = (callback, ms, ...rest) =>
  realSetTimeout(callback, clockMs === null ? ms : ms / HASTE, ...rest);

const bucket = {
  isHeld: false,
  /** Keys and prefixes whose reads have begun and not ended. */
  reading: [],
  /** Keys and prefixes, in the order in which their reads ended. */
  reads: [],
  /** How often each key's body was asked for. */
  got: new Map(),
  /** When writes were tried, by key. */
  writes: new Map(),
  /** When each key was first there to be read. */
  stored: new Map(),
  /** What was refused as R2 would. */
  refused: [],
  /** The next `head` of a key with this in it gives an object that throws when its size is read. */
  poison: null,
};

/** Requests inside waiting objects. */
let held = 0;

class R2Bucket {
  constructor(real) {
    this.real = real;
  }

  async head(key) {
    const object = await this.read(key, () => this.real.head(key));
    if (object && bucket.poison !== null && key.includes(bucket.poison)) {
      bucket.poison = null;
      return {
        customMetadata: object.customMetadata,
        get size() {
          throw new Error("poisoned by a test");
        },
      };
    }
    return object;
  }

  get(key, options) {
    bucket.got.set(key, (bucket.got.get(key) ?? 0) + 1);
    return this.read(key, () => this.real.get(key, options));
  }

  list(options) {
    return this.read(options?.prefix ?? "", () => this.real.list(options));
  }

  async put(key, value, options) {
    const refuse = (why) => {
      bucket.refused.push(`${key}: ${why}`);
      throw new Error(`put: ${why}`);
    };
    if (value instanceof ReadableStream) refuse("Provided readable stream must have a known length");
    const now = realNow();
    const tried = bucket.writes.get(key) ?? [];
    bucket.writes.set(key, [...tried, now]);
    if (tried.length > 0 && now - tried.at(-1) < WRITE_INTERVAL_MS) {
      refuse("Reduce your concurrent request rate for the same object. (10058)");
    }
    const object = await this.real.put(key, value, options);
    if (object && !bucket.stored.has(key)) bucket.stored.set(key, realNow());
    return object;
  }

  delete(keys) {
    return this.real.delete(keys);
  }

  async read(key, begin) {
    while (bucket.isHeld) await sleep(1);
    bucket.reading.push(key);
    try {
      return await begin();
    } finally {
      bucket.reading.splice(bucket.reading.indexOf(key), 1);
      bucket.reads.push(key);
    }
  }
}

const watched = (env) => ({ ...env, MEDIA: new R2Bucket(env.MEDIA) });

/** Puts objects as if all at once, and sets the clock. */
async function store(env, { clock_ms, objects }) {
  bucket.isHeld = true;
  while (bucket.reading.length > 0) await sleep(1);
  for (const { key, meta, body } of objects) {
    const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
    await env.MEDIA.put(key, bytes, meta === "" ? {} : { customMetadata: { rimcast: meta } });
  }
  clockMs = clock_ms ?? clockMs;
  bucket.isHeld = false;
}

/** All that is stored under a prefix: keys, metadata, sizes. */
async function listed(env, prefix) {
  const objects = [];
  let cursor;
  do {
    const page = await env.MEDIA.list({ prefix, cursor, include: ["customMetadata"] });
    objects.push(...page.objects.map(({ key, size, customMetadata }) => ({ key, size, meta: customMetadata?.rimcast ?? "" })));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor);
  return objects;
}

async function control(request, env) {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/-test/store":
      await store(env, await request.json());
      return new Response();
    case "/-test/state":
      return Response.json({
        held,
        reading: bucket.reading,
        read: bucket.reads.length,
        reads: bucket.reads.slice(Number(searchParams.get("since"))),
        got: Object.fromEntries(bucket.got),
        writes: Object.fromEntries(bucket.writes),
        stored: Object.fromEntries(bucket.stored),
        refused: bucket.refused,
      });
    case "/-test/list":
      return Response.json(await listed(env, searchParams.get("prefix")));
    case "/-test/object":
      return new Response((await env.MEDIA.get(searchParams.get("key")))?.body, {});
    case "/-test/poison":
      bucket.poison = searchParams.get("key");
      return new Response();
    case "/-test/restart": {
      const object = env[searchParams.get("binding")].getByName(searchParams.get("name"));
      await object.fetch("http://object/-test/abort").catch(() => {});
      return new Response();
    }
    default:
      return new Response("no such control\n", { status: 404 });
  }
}

export default class extends Gateway {
  constructor(context, env) {
    super(context, watched(env));
    this.unwatched = env;
  }

  async fetch(request) {
    const isControl = new URL(request.url).pathname.startsWith("/-test/");
    return isControl ? await control(request, this.unwatched) : await super.fetch(request);
  }
}

export class Packager extends worker.Packager {
  constructor(context, env) {
    super(context, watched(env));
  }
}

export class IngestObject extends worker.IngestObject {
  constructor(state, env) {
    super(state, watched(env));
    this.state = state;
  }

  async fetch(request) {
    if (new URL(request.url).pathname === "/-test/abort") this.state.abort("restarted by a test");
    return await super.fetch(request);
  }
}

export class WaitingObject extends worker.WaitingObject {
  constructor(state, env) {
    super(state, watched(env));
    this.state = state;
    this.held = 0;
  }

  async fetch(request) {
    if (new URL(request.url).pathname === "/-test/abort") {
      held -= this.held;
      this.state.abort("restarted by a test");
    }
    held += 1;
    this.held += 1;
    try {
      return await super.fetch(request);
    } finally {
      held -= 1;
      this.held -= 1;
    }
  }
}
