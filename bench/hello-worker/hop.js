// The least that two entry points can do, one before the other: a yardstick for the gateway.

import { WorkerEntrypoint } from "cloudflare:workers";
import hello from "./hello.js";

export class Packager extends WorkerEntrypoint {
  fetch() {
    return hello.fetch();
  }
}

export default {
  fetch: (request, env, context) => context.exports.Packager.fetch(request),
};
