// The Worker's entry points and objects. What they do is in Rust (src/).

import Gateway, { IngestObject, WaitingObject } from "./build/index.js";

export { IngestObject, WaitingObject };

/** Every request, before any cache. */
export default Gateway;

/** Viewers' requests, behind the Worker's cache: see `exports` in wrangler.toml. */
export class Packager extends Gateway {
  fetch(request) {
    return this.packager(request, this.env);
  }
}
