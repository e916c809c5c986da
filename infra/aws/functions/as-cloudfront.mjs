// What CloudFront does around the viewer request function, for tests.

import { readFileSync } from "node:fs";

/** The function as CloudFront runs it, but for its one import, which only CloudFront has. */
export function load(selected) {
  const source = readFileSync(new URL("normalise.js", import.meta.url), "utf8");
  const imported = "import cf from 'cloudfront';";
  if (!source.startsWith(imported)) throw new Error("runtime 2.0 wants the import on the first line");
  const cf = { selectRequestOriginById: (id) => selected.push(id) };
  return new Function("cf", `${source.slice(imported.length)}; return handler;`)(cf);
}

/** A viewer request event: what CloudFront makes of a URL. */
export function event(target, method = "GET") {
  const [uri, query] = target.split(/\?(.*)/s);
  const querystring = {};
  for (const pair of (query ?? "").split("&").filter((pair) => pair !== "")) {
    const [name, value = ""] = pair.split(/=(.*)/s);
    const seen = Object.hasOwn(querystring, name) ? querystring[name] : undefined;
    if (!seen) querystring[name] = { value };
    else (seen.multiValue ??= [{ value: seen.value }]).push({ value });
  }
  return { version: "1.0", context: { eventType: "viewer-request" }, request: { method, uri, querystring, headers: {}, cookies: {} } };
}

/** What CloudFront makes of the function's answer. */
export function target({ uri, querystring }) {
  const pairs = Object.entries(querystring).flatMap(([name, { value, multiValue }]) =>
    (multiValue ?? [{ value }]).map((one) => `${name}=${one.value}`),
  );
  return pairs.length ? `${uri}?${pairs.join("&")}` : uri;
}
