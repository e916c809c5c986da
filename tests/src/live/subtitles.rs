//! Subtitles pushed as they are spoken: a segment of two seconds every two seconds.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::cmaf::{Sample, chunk};
use packager_core::time::Timescale;

use super::{Host, put};
use crate::media::media_folder;

const SEGMENT_MS: u32 = 2000;

/// A push of subtitles, until it is dropped.
pub struct Subtitles {
    is_over: Arc<AtomicBool>,
    pushing: Option<JoinHandle<()>>,
}

impl Subtitles {
    /// Pushes a cue for each segment as TTML (`stpp`) or WebVTT (`wvtt`), which says what it is. The media time is 0 at
    /// `begins`.
    pub fn push(host: &impl Host, broadcast: &str, codec: &'static str, begins: Instant) -> Self {
        let header = if codec == "stpp" {
            // Of IMSC, which it says: hls.js reads no other TTML.
            fs::read(media_folder().join("text_stpp/text/init.mp4")).expect("the recording is there")
        } else {
            SyntheticHeader::new(1, Timescale::new(1000).expect("not zero"), SyntheticMedia::Wvtt)
                .write()
                .to_vec()
        };
        let base = host.url(&format!("/ingest/{broadcast}/text-{codec}"));
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let pushing = std::thread::spawn(move || {
            let acknowledged = |file: &str, body: &[u8]| {
                let answer = put(&format!("{base}/{file}"), body).expect("an answer");
                assert_eq!(answer.status, 200, "{file}: {}", answer.text());
            };
            acknowledged("init.mp4", &header);
            for number in 0_u32.. {
                let due = begins + Duration::from_millis(u64::from(number * SEGMENT_MS));
                while Instant::now() < due {
                    if told.load(Ordering::Relaxed) {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                acknowledged(&format!("seg{number:05}.m4s"), &segment(codec, number));
            }
        });
        Self { is_over, pushing: Some(pushing) }
    }
}

fn segment(codec: &str, number: u32) -> Vec<u8> {
    let text = format!("{codec} {number}");
    let (from_s, until_s) = (number * SEGMENT_MS / 1000, (number + 1) * SEGMENT_MS / 1000);
    let payload = if codec == "stpp" {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><tt xmlns=\"http://www.w3.org/ns/ttml\"><body><div>\
             <p begin=\"{from_s}s\" end=\"{until_s}s\">{text}</p></div></body></tt>"
        )
        .into_bytes()
    } else {
        let boxed = |kind: &[u8; 4], body: &[u8]| {
            let length = u32::try_from(body.len() + 8).expect("short").to_be_bytes();
            [&length[..], kind, body].concat()
        };
        boxed(b"vttc", &boxed(b"payl", text.as_bytes()))
    };
    let bytes = u32::try_from(payload.len()).expect("short");
    let sample = Sample { duration_ticks: SEGMENT_MS, bytes, sync: true, composition_ticks: 0 };
    chunk::write(number + 1, 1, u64::from(number * SEGMENT_MS), &[sample], payload.into()).concat()
}

impl Drop for Subtitles {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(pushing) = self.pushing.take() {
            let _ = pushing.join();
        }
    }
}
