//! Headers and chunks that ffmpeg wrote: `tests/media` at the root of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use packager_core::cmaf::{Chunk, Header, Item, Scanner, TrackKind};

fn media(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/media").join(name)
}

fn read(path: &Path) -> Bytes {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// The files of a folder whose names begin so, in order.
fn files(folder: &Path, prefix: &str) -> Vec<Bytes> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(prefix))
        })
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn joined(chunk: &Chunk) -> Bytes {
    chunk.body().concat().into()
}

struct Track {
    header: Header,
    chunks: Vec<Chunk>,
}

/// A track of single chunks; every one is checked to go out as it came in.
fn track(name: &str) -> Track {
    let folder = media(name);
    let header = Header::parse(&read(&folder.join("init.mp4"))).unwrap();
    let chunks = files(&folder, "seg")
        .iter()
        .map(|bytes| {
            let chunk = Chunk::parse(bytes, &header).unwrap();
            assert_eq!(joined(&chunk), *bytes, "{name}");
            assert_eq!(chunk.body_bytes(), bytes.len() as u64);
            chunk
        })
        .collect();
    Track { header, chunks }
}

const TRACKS: [&str; 7] = [
    "h264_bframes_aac/video",
    "h264_bframes_aac/audio",
    "h264_2rend_nob_aac/video_hi",
    "h264_2rend_nob_aac/video_lo",
    "h264_2rend_nob_aac/audio",
    "h264_ntsc_2997/video",
    "audio_only_aac_441/audio",
];

#[test]
fn headers_say_what_was_encoded() {
    let described: Vec<String> = TRACKS
        .iter()
        .map(|name| {
            let header = track(name).header;
            format!(
                "{name}: {} {} {} {}x{} {} Hz {} ch shift {}",
                header.kind,
                header.codec,
                header.timescale.ticks_per_second(),
                header.width,
                header.height,
                header.sample_rate,
                header.channels,
                header.presentation_shift_ticks,
            )
        })
        .collect();
    assert_eq!(
        described,
        [
            "h264_bframes_aac/video: video avc1.64000d 15360 320x180 0 Hz 0 ch shift 0",
            "h264_bframes_aac/audio: audio mp4a.40.2 48000 0x0 48000 Hz 2 ch shift 0",
            "h264_2rend_nob_aac/video_hi: video avc1.42c00d 15360 320x180 0 Hz 0 ch shift 0",
            "h264_2rend_nob_aac/video_lo: video avc1.42c00b 15360 160x90 0 Hz 0 ch shift 0",
            "h264_2rend_nob_aac/audio: audio mp4a.40.2 48000 0x0 48000 Hz 1 ch shift 0",
            "h264_ntsc_2997/video: video avc1.64000d 30000 320x180 0 Hz 0 ch shift 0",
            "audio_only_aac_441/audio: audio mp4a.40.2 44100 0x0 44100 Hz 1 ch shift 0",
        ]
    );
}

#[test]
fn chunks_follow_each_other_without_a_hole() {
    for name in TRACKS {
        let Track { header, chunks } = track(name);
        let mut next_ticks = 0;
        for chunk in &chunks {
            assert_eq!(chunk.start_ticks(), next_ticks, "{name}");
            assert!(!chunk.is_empty());
            next_ticks = chunk.end_ticks();
            let data: u64 = chunk.samples().iter().map(|s| u64::from(s.bytes)).sum();
            assert_eq!(data, chunk.payload().len() as u64, "{name}");
        }
        let ms = header.timescale.ms_from_ticks(next_ticks);
        assert!((7990..8060).contains(&ms), "{name}: {ms} ms");
    }
}

#[test]
fn frames_are_counted_and_keyframes_found() {
    for (name, frame_ticks, frames) in [
        ("h264_bframes_aac/video", 512, 240),
        ("h264_2rend_nob_aac/video_hi", 512, 240),
        ("h264_2rend_nob_aac/video_lo", 512, 240),
        ("h264_ntsc_2997/video", 1001, 240),
    ] {
        let chunks = track(name).chunks;
        let samples: Vec<_> = chunks.iter().flat_map(Chunk::samples).collect();
        assert_eq!(samples.len(), frames, "{name}");
        assert!(samples.iter().all(|s| s.duration_ticks == frame_ticks));
        let keyframes: Vec<usize> = (0..frames).filter(|n| samples[*n].sync).collect();
        assert_eq!(keyframes, [0, 60, 120, 180], "{name}");
        for (n, chunk) in chunks.iter().enumerate() {
            assert_eq!(chunk.samples().len(), 15, "{name}");
            assert_eq!(chunk.starts_with_sync(), n % 4 == 0, "{name} chunk {n}");
            assert_eq!(chunk.holds_sync(), n % 4 == 0);
        }
    }
    for name in ["h264_bframes_aac/audio", "audio_only_aac_441/audio"] {
        let Track { header, chunks } = track(name);
        assert_eq!(header.kind, TrackKind::Audio);
        for chunk in &chunks {
            assert!(chunk.samples().iter().all(|sample| sample.sync), "{name}");
        }
        assert_eq!(chunks[0].samples()[0].duration_ticks, 1024);
    }
}

#[test]
fn b_frames_are_shown_in_another_order_than_decoded() {
    let chunks = track("h264_bframes_aac/video").chunks;
    let mut shown = Vec::new();
    let mut decode_ticks = 0i64;
    for sample in chunks.iter().flat_map(Chunk::samples) {
        shown.push(decode_ticks + i64::from(sample.composition_ticks));
        decode_ticks += i64::from(sample.duration_ticks);
    }
    assert!(!shown.is_sorted());
    let first: Vec<i32> = chunks[0].samples()[..4].iter().map(|sample| sample.composition_ticks).collect();
    assert_eq!(first, [0, 1024, -512, -512]);
    // Every frame has a moment of its own, a frame apart.
    shown.sort_unstable();
    assert!(shown.windows(2).all(|pair| pair[1] - pair[0] == 512));
}

#[test]
fn slices_hold_the_same_samples_and_data() {
    for name in TRACKS {
        let Track { header, chunks } = track(name);
        for chunk in &chunks {
            let count = chunk.samples().len();
            for cut in 1..count {
                let mut samples = Vec::new();
                let mut data = Vec::new();
                let mut next_ticks = chunk.start_ticks();
                for range in [0..cut, cut..count] {
                    let slice = chunk.slice(range).unwrap();
                    let read = Chunk::parse(&joined(&slice), &header).unwrap();
                    assert_eq!(read.samples(), slice.samples());
                    assert_eq!(read.start_ticks(), next_ticks);
                    next_ticks = read.end_ticks();
                    samples.extend_from_slice(read.samples());
                    data.extend_from_slice(read.payload());
                }
                assert_eq!(next_ticks, chunk.end_ticks());
                assert_eq!(samples, chunk.samples());
                assert_eq!(data, chunk.payload()[..]);
            }
        }
    }
}

#[test]
fn a_recorded_push_is_taken_apart() {
    let folder = media("live_dash_push");
    for (stream, codec, shift, seconds) in [
        // ffmpeg's dash muxer writes an edit list for the priming of AAC.
        (0, "avc1.42c00d", 0, 5),
        (1, "mp4a.40.2", 1024, 5),
    ] {
        let mut uploads = files(&folder, &format!("init-stream{stream}"));
        uploads.extend(files(&folder, &format!("chunk-stream{stream}")));
        let mut header = None;
        let mut chunks = Vec::new();
        for upload in &uploads {
            let mut scanner = Scanner::new();
            for piece in upload.chunks(1460) {
                scanner.push(Bytes::copy_from_slice(piece));
                while let Some(item) = scanner.next().unwrap() {
                    match (item, &header) {
                        (Item::Header(bytes), None) => {
                            assert_eq!(&bytes, upload);
                            header = Some(Header::parse(&bytes).unwrap());
                        }
                        (Item::Chunk(bytes), Some(header)) => {
                            let chunk = Chunk::parse(&bytes, header).unwrap();
                            assert_eq!(joined(&chunk), bytes);
                            chunks.push(chunk);
                        }
                        (item, _) => panic!("out of order: {item:?}"),
                    }
                }
            }
            scanner.finish().unwrap();
        }
        let header = header.unwrap();
        assert_eq!(header.codec, codec);
        assert_eq!(header.presentation_shift_ticks, shift);
        assert!(chunks.windows(2).all(|pair| pair[0].end_ticks() == pair[1].start_ticks()));
        let end_ms = header.timescale.ms_from_ticks(chunks.last().unwrap().end_ticks());
        assert_eq!((end_ms + 500) / 1000, seconds);
        // 2026, and later for every chunk.
        let walls: Vec<i64> = chunks.iter().map(|chunk| chunk.producer_wall().unwrap().0).collect();
        assert!(walls.is_sorted());
        assert!((1_767_225_600_000..1_798_761_600_000).contains(&walls[0]));
    }
}
