// The Worker's entry points and objects. What they do is in Rust (src/).

import Gateway, * as rust from "./build/index.js";
import { withBucket } from "./build/bucket.js";

/** Called when Rust panics. That takes the memory of all that runs in this isolate with it. */
const onPanic = new Set();

addEventListener("error", () => {
  for (const tell of onPanic) tell();
  onPanic.clear();
});

/** What Rust answers, or, should it panic before, the word to ask again: nobody is left to wait for ever. */
async function answered(answer) {
  let tell;
  const panicked = new Promise((resolve) => onPanic.add((tell = resolve)));
  try {
    return (await Promise.race([answer, panicked])) ?? interrupted();
  } finally {
    onPanic.delete(tell);
  }
}

const interrupted = () =>
  new Response("the server was interrupted; ask again\n", {
    status: 503,
    headers: {
      "access-control-allow-origin": "*",
      "cache-control": "max-age=1",
      "content-type": "text/plain; charset=utf-8",
      "retry-after": "1",
    },
  });

/** An object that starts anew when Rust panics: whoever it sends to or receives from sees it break off. */
const restarting = (RustObject) =>
  class extends RustObject {
    constructor(state, env) {
      super(state, withBucket(env));
      new Promise((resolve) => onPanic.add(resolve)).then(() => state.abort("Rust has panicked"));
    }
  };

export class IngestObject extends restarting(rust.IngestObject) {}
export class WaitingObject extends restarting(rust.WaitingObject) {
  fetch(request) {
    return this.hold(request);
  }
}

/** Every request, before any cache. */
export default class extends Gateway {
  fetch(request) {
    return answered(super.fetch(request));
  }
}

/** Viewers' requests, behind the Worker's cache: see `exports` in wrangler.toml. */
export class Packager extends Gateway {
  constructor(context, env) {
    super(context, withBucket(env));
  }

  fetch(request) {
    return answered(this.packager(request, this.env));
  }
}
