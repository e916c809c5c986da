// Responses in one call from Rust: each header that crosses over by itself costs more than rendering it.

/** `lines`: names and values of headers by turns, a line each. */
export function respond(status, lines, body) {
  const headers = {};
  const halves = lines.split("\n");
  for (let i = 0; i + 1 < halves.length; i += 2) headers[halves[i]] = halves[i + 1];
  return new Response(body, { status, headers });
}
