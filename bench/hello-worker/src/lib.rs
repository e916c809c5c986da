//! The least a Worker in Rust can do: the glue that Rimcast's has, and always the same answer.

use js_sys::Uint8Array;
use web_sys::{Headers, Request, Response, ResponseInit};
use worker::{Context, Env, Result, event};

/// A playlist of a 60 s window is about this long.
const PLAYLIST: [u8; 3_600] = [b'#'; 3_600];

#[event(fetch)]
async fn fetch(_: Request, _: Env, _: Context) -> Result<Response> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/vnd.apple.mpegurl")?;
    let init = ResponseInit::new();
    init.set_headers(&headers);
    let body = Uint8Array::from(&PLAYLIST[..]);
    Ok(Response::new_with_opt_buffer_source_and_init(Some(&body), &init)?)
}
