// The bytes of growing segments: they stay out of Wasm, and are the same for all who are sent them.

/** All that a stream has. */
export async function read(stream) {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Writes what a promise is for; done when it is taken. */
export async function send(bytes, to) {
  const writer = to.getWriter();
  try {
    await writer.write(await bytes);
  } finally {
    writer.releaseLock();
  }
}
