// The viewer request function, with the cases that packager-core's `canonical` has, read from its tests.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { event, load, target } from "./as-cloudfront.mjs";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const CORE = "../../../packager-core/src/edge/";

test("every URL has one spelling, packager-core's", () => {
  const cases = read(`${CORE}place.rs`).match(/fn one_spelling_for_what_means_the_same\(\) \{(.*?)\] \{/s)[1];
  const pairs = [...cases.matchAll(/\("([^"]*)",\s*"([^"]*)"\)/g)];
  assert.ok(pairs.length >= 12, `only ${pairs.length} cases were read`);
  const handler = load([]);
  for (const [, asked, one] of pairs) assert.equal(target(handler(event(asked))), one, asked);
});

test("the parameters are packager-core's", () => {
  const source = read("normalise.js");
  const place = read(`${CORE}place.rs`);
  for (const list of ["DIRECTIVES", "PATCH", "VIEW"]) {
    const ours = source.match(new RegExp(`const ${list} = \\[(.*?)\\]`))[1].replaceAll("'", '"');
    const core = place.match(new RegExp(`const ${list}: [^=]*= &?\\[(.*?)\\]`, "s"))[1];
    assert.equal(ours, core.trim().replace(/,$/, ""));
  }
});

test("the cache goes by exactly these parameters", () => {
  const policies = read("../policies.tf");
  const source = read("normalise.js");
  for (const [lists, policy] of [[["DIRECTIVES", "VIEW"], "playlists"], [["PATCH"], "patches"], [["VIEW"], "manifests"]]) {
    const named = (list) => source.match(new RegExp(`const ${list} = \\[(.*?)\\]`))[1].replaceAll("'", '"');
    const ours = lists.map(named).join(", ");
    assert.equal(policies.match(new RegExp(`${policy}\\s*= \\[(.*?)\\]`))[1], ours);
  }
});

test("segments come from their own origin, and nothing else does", () => {
  const selected = [];
  const handler = load(selected);
  for (const path of ["/a/g/t/s-12.m4s", "/a/g/t/epoch-s-12.m4s", "/a/g/t/s-1.m4s?x=1"]) {
    handler(event(path));
    assert.deepEqual(selected.splice(0), ["segments"], path);
  }
  for (const path of [
    "/a/",
    "/a/index.m3u8",
    "/a/manifest.mpd",
    "/a/g/t/index.m3u8",
    "/a/g/t/s-12_0.m4s",
    "/a/g/t/s/init.mp4",
    "/a/g/t/s/00000000000000000090.m4s",
    "/a/g/t/s-1/00000000000000000090.m4s",
    "/a/g/t/s-.m4s",
    "/a/g/t/12.m4s",
    "/a/g/s-12.m4s",
    "/a/g/t/s/u-12.m4s",
    "/a/time",
    "/a/event.json",
  ]) {
    handler(event(path));
    assert.deepEqual(selected, [], path);
  }
  const distribution = read("../main.tf");
  assert.match(distribution, /segments = "segments"/, "the distribution has an origin of that name");
});

test("a preflight is answered at once, as packager-core answers it", () => {
  const response = load([])(event("/a/g/t/s-12.m4s", "OPTIONS"));
  assert.equal(response.statusCode, 204);
  const core = read(`${CORE}response.rs`);
  const said = (name) => response.headers[name].value;
  assert.equal(said("access-control-expose-headers"), core.match(/const EXPOSED: &str = "([^"]*)"/)[1]);
  assert.equal(said("access-control-allow-headers"), core.match(/const ALLOWED: &str = "([^"]*)"/)[1]);
  assert.equal(said("access-control-allow-methods"), core.match(/allow-methods", Cow::Borrowed\("([^"]*)"/)[1]);
  assert.equal(said("access-control-max-age"), core.match(/max-age", Cow::Borrowed\("([^"]*)"/)[1]);
  assert.equal(said("access-control-allow-origin"), "*");
  // And what S3's answers are given says the same.
  const policy = read("../policies.tf");
  const items = (name) => policy.match(new RegExp(`${name} \\{\\s*items = \\[(.*?)\\]`))[1].replaceAll('"', "");
  assert.equal(items("access_control_expose_headers"), said("access-control-expose-headers"));
  assert.equal(items("access_control_allow_headers"), said("access-control-allow-headers"));
  assert.equal(items("access_control_allow_methods"), said("access-control-allow-methods"));
});

test("it fits what CloudFront runs", () => {
  const source = read("normalise.js");
  assert.ok(Buffer.byteLength(source) <= 10_000, "a function has 10 kB at most");
  // The runtime is ES5 with parts of what came later, and these are not said to be among them.
  assert.doesNotMatch(source, /\?\.|\?\?|\bclass\b|\.\.\.|for \(const|import\(/);
});
