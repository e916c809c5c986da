//! Rendering a low-latency media playlist, against m3u8-rs writing a plain one of the same segments.

use std::hint::black_box;
use std::time::Duration;

use packager_core::cmaf::TrackKind;
use packager_core::hls::{Extent, MediaPlaylist, Report};
use packager_core::log::{
    Anchor, Begin, Chain, Entry, Independence, PartMeta, PeriodRecord, SessionId, Shape, TrackName,
};
use packager_core::time::{Timescale, WallMs};

use crate::measure::{heading, median_of_calls};

pub(crate) fn run() {
    heading("rendering a media playlist: 60 s window, 2 s segments, 500 ms parts");
    let (chain, periods) = broadcast();
    let report = |name: &str| Report::of(&TrackName::parse(name).expect("a name"), &chain);
    let reports: Vec<_> = ["video-1", "audio-2"].into_iter().filter_map(report).collect();
    let extent = Extent::live(&chain);
    let ours =
        MediaPlaylist { chain: &chain, periods: &periods, reports: &reports, extent, file: "index.m3u8" };
    let bytes = ours.render(None).len();
    let time = median_of_calls(|| drop(black_box(ours.render(None))));

    let plain = plain(&chain);
    let mut written = Vec::new();
    plain.write_to(&mut written).expect("memory does not fail");
    let plain_bytes = written.len();
    let plain_time = median_of_calls(|| {
        written.clear();
        plain.write_to(black_box(&mut written)).expect("memory does not fail");
    });

    let rate = |bytes: usize, time: Duration| bytes as f64 / time.as_secs_f64() / 1e6;
    let (ours, theirs) = (rate(bytes, time), rate(plain_bytes, plain_time));
    println!("rimcast   {bytes:>6} bytes in {time:>10?}  {ours:>7.0} MB/s");
    println!(
        "m3u8-rs   {plain_bytes:>6} bytes in {plain_time:>10?}  {theirs:>7.0} MB/s   (yardstick: plain segments)"
    );
    println!("per byte  {:.1} times as fast (aim: 3)", ours / theirs);
}

fn broadcast() -> (Chain, Vec<PeriodRecord>) {
    let timescale = Timescale::new(15_360).expect("not zero");
    let session = SessionId::mint(WallMs(1_795_000_000_000), 1);
    let shape = Shape {
        target_duration_s: 2,
        segment_ms: 2000,
        part_ms: 500,
        whole_segments: false,
        window_ms: 60_000,
    };
    let begin = Begin {
        kind: TrackKind::Video,
        session: session.clone(),
        start_ticks: 0,
        timescale,
        period: 0,
        part_target_ticks: 7680,
        first_msn: 1,
    };
    let mut chain = Chain::new(begin, shape);
    for part in 0..4 * 40 + 2 {
        let independence = if part % 4 == 0 { Independence::Start } else { Independence::No };
        let meta = PartMeta {
            duration_ticks: 7680,
            offset_ticks: 0,
            frame_bytes: 0,
            samples: 15,
            independence,
            wall: WallMs(1_795_000_000_000),
            hash: part,
        };
        chain.absorb(&Entry::Part(meta), 60_000).expect("the chain is sound");
    }
    let anchor = Anchor { wall: WallMs(1_795_000_000_000), time_ticks: 0, timescale, is_produced: false };
    (chain, vec![PeriodRecord { session, anchor, shape: Some(shape) }])
}

fn plain(chain: &Chain) -> m3u8_rs::MediaPlaylist {
    let listed = chain.closed.iter().rev().take(chain.listed()).rev();
    let segments = listed.map(|segment| m3u8_rs::MediaSegment {
        uri: format!("{}.m4s", segment.msn),
        duration: segment.duration_us() as f32 / 1e6,
        ..Default::default()
    });
    m3u8_rs::MediaPlaylist {
        version: Some(6),
        target_duration: 2,
        media_sequence: chain.closed.front().map_or(0, |segment| segment.msn),
        segments: segments.collect(),
        ..Default::default()
    }
}
