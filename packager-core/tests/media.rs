//! Headers and chunks that ffmpeg wrote: `tests/media` at the root of the repository.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use packager_core::cmaf::cutter::{CutPart, Cutter, SegmentBounds, part_target_ticks};
use packager_core::cmaf::{Chunk, Header, Item, Sample, Scanner, TrackKind};
use packager_core::log::Independence;

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
            // Segments of text have a styp and a sidx, which are left out.
            assert!(bytes.ends_with(&joined(&chunk)), "{name}");
            assert_eq!(chunk.body_bytes() == bytes.len() as u64, header.kind != TrackKind::Text);
            chunk
        })
        .collect();
    Track { header, chunks }
}

/// What the headers say, and how many milliseconds of media there are.
const TRACKS: [(&str, &str, u64); 32] = [
    ("h264_bframes_aac/video", "avc1.64000d, 15360, 320x180", 8000),
    ("h264_bframes_aac/audio", "mp4a.40.2, 48000, 48000 Hz, 2 ch", 8000),
    ("h264_2rend_nob_aac/video_hi", "avc1.42c00d, 15360, 320x180", 8000),
    ("h264_2rend_nob_aac/video_lo", "avc1.42c00b, 15360, 160x90", 8000),
    ("h264_2rend_nob_aac/audio", "mp4a.40.2, 48000, 48000 Hz, 1 ch", 8000),
    ("h264_ntsc_2997/video", "avc1.64000d, 30000, 320x180", 8000),
    ("audio_only_aac_441/audio", "mp4a.40.2, 44100, 44100 Hz, 1 ch", 8000),
    ("avc_hlg/video", "avc1.6e000b, 15360, 160x90, Hlg", 1000),
    ("hevc/video", "hvc1.1.6.L60.90, 15360, 320x180", 4000),
    ("hevc_pq/video", "hvc1.2.4.L30.90, 15360, 160x90, Pq", 1000),
    ("hevc_hlg/video", "hev1.2.4.L30.90, 15360, 160x90, Hlg", 1000),
    ("av1/video", "av01.0.00M.08, 15360, 320x180", 4000),
    ("av1_sdr/video", "av01.0.00M.08, 15360, 160x90, Sdr", 1000),
    ("av1_pq/video", "av01.0.00M.10.0.110.09.16.09.0, 15360, 160x90, Pq", 1000),
    ("vp9/video", "vp09.00.11.08.01.02.02.02.00, 15360, 320x180", 4000),
    ("vp9_hlg/video", "vp09.02.10.10.01.09.18.09.00, 15360, 160x90, Hlg", 1000),
    ("audio_he_aac/audio", "mp4a.40.5, 48000, 48000 Hz, 2 ch", 4000),
    // It is mono; ffmpeg writes 2 where only the stream itself says.
    ("audio_mp3/audio", "mp4a.6b, 48000, 48000 Hz, 2 ch", 1000),
    ("audio_opus/audio", "opus, 48000, 48000 Hz, 1 ch", 4000),
    ("audio_ac3/audio", "ac-3, 48000, 48000 Hz, 1 ch", 4000),
    ("audio_eac3/audio", "ec-3, 48000, 48000 Hz, 1 ch", 4000),
    ("audio_flac/audio", "fLaC, 48000, 48000 Hz, 1 ch", 4000),
    ("audio_flac_96/audio", "fLaC, 96000, 96000 Hz, 2 ch", 1000),
    ("audio_51/aac", "mp4a.40.2, 48000, 48000 Hz, 6 ch", 1000),
    ("audio_51/opus", "opus, 48000, 48000 Hz, 6 ch", 1000),
    ("audio_51/ac3", "ac-3, 48000, 48000 Hz, 6 ch", 1000),
    ("audio_51/eac3", "ec-3, 48000, 48000 Hz, 6 ch", 1000),
    ("text_wvtt/text", "wvtt, 1000, en", 8000),
    ("text_stpp/text", "stpp.ttml.im1t, 1000, en", 8000),
    ("encrypted_cbcs/video", "avc1.64000d, 15360, 320x180, Cbcs", 2000),
    ("encrypted_cenc/hevc", "hvc1.1.6.L60.90, 15360, 320x180, Cenc", 2000),
    ("encrypted_cenc/audio", "mp4a.40.2, 48000, 48000 Hz, 2 ch, Cenc", 2000),
];

fn described(header: &Header) -> String {
    let mut text = format!("{}, {}", header.codec, header.timescale.ticks_per_second());
    match header.kind {
        TrackKind::Video => write!(text, ", {}x{}", header.width, header.height).unwrap(),
        TrackKind::Audio => write!(text, ", {} Hz, {} ch", header.sample_rate, header.channels).unwrap(),
        TrackKind::Text => {}
    }
    if let Some(range) = header.video_range {
        write!(text, ", {range:?}").unwrap();
    }
    if let Some(protection) = header.protection {
        write!(text, ", {:?}", protection.scheme).unwrap();
    }
    if header.presentation_shift_ticks != 0 {
        write!(text, ", shift {}", header.presentation_shift_ticks).unwrap();
    }
    if let Some(language) = &header.language {
        write!(text, ", {language}").unwrap();
    }
    text
}

#[test]
fn headers_say_what_was_encoded() {
    for (name, says, _) in TRACKS {
        let header = Header::parse(&read(&media(name).join("init.mp4"))).unwrap();
        assert_eq!(described(&header), says, "{name}");
        assert_eq!(header.joc_complexity, None);
    }
}

#[test]
fn parameter_sets_say_what_colr_says() {
    for name in ["avc_hlg/video", "hevc_pq/video", "hevc_hlg/video", "av1_pq/video", "av1_sdr/video"] {
        let with_colr = read(&media(name).join("init.mp4"));
        let mut without = with_colr.to_vec();
        let at = without.windows(4).position(|found| found == b"colr").unwrap();
        without[at..at + 4].copy_from_slice(b"free");
        assert_eq!(Header::parse(&without), Header::parse(&with_colr), "{name}");
    }
}

/// What random bytes hardly ever get to: everything but one byte is as it should be.
#[test]
fn no_byte_of_a_header_can_make_it_panic() {
    for (name, ..) in TRACKS {
        let header = read(&media(name).join("init.mp4"));
        let mut bytes = header.to_vec();
        for at in 0..bytes.len() {
            for wrong in [0, 1, 3, 0x7f, 0x80, 0xff, bytes[at] ^ 0x10] {
                bytes[at] = wrong;
                let _ = Header::parse(&bytes);
            }
            bytes[at] = header[at];
        }
    }
}

#[test]
fn chunks_follow_each_other_without_a_hole() {
    for (name, _, length_ms) in TRACKS {
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
        assert!((length_ms - 10..length_ms + 150).contains(&ms), "{name}: {ms} ms");
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
    for (name, ..) in TRACKS {
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

/// Cuts a track into parts for segments of 2 s; each part with whether it is its segment's last.
fn cut(track: &Track, part_ms: u32) -> (u64, Vec<(CutPart, bool)>) {
    let timescale = track.header.timescale;
    let target_ticks = part_target_ticks(&track.chunks[0], timescale, part_ms);
    let mut bounds = SegmentBounds {
        start_ticks: 0,
        shortest_ticks: timescale.ticks_from_ms(2000) - target_ticks / 2,
        limit_ticks: timescale.ticks_from_ms(2500),
    };
    let mut cutter = Cutter::new(track.header.kind, target_ticks);
    let mut parts: Vec<(CutPart, bool)> = Vec::new();
    let mut add = |part: CutPart, bounds: &mut SegmentBounds| {
        let open_ticks = part.start_ticks - bounds.start_ticks;
        if part.independence == Independence::Start && open_ticks >= bounds.shortest_ticks {
            bounds.start_ticks = part.start_ticks;
            parts.last_mut().unwrap().1 = true;
        }
        parts.push((part, false));
    };
    for chunk in &track.chunks {
        cutter.push(chunk.clone());
        while let Some(part) = cutter.next_part(bounds) {
            add(part, &mut bounds);
        }
    }
    if let Some(rest) = cutter.flush() {
        add(rest, &mut bounds);
    }
    parts.last_mut().unwrap().1 = true;
    (target_ticks, parts)
}

#[test]
fn parts_are_as_long_as_they_must_be_and_hold_exactly_what_was_sent() {
    for (name, ..) in TRACKS {
        let track = track(name);
        // Text has no parts.
        if track.header.kind == TrackKind::Text {
            continue;
        }
        for part_ms in [500, 200] {
            let (target_ticks, parts) = cut(&track, part_ms);
            let mut next_ticks = 0;
            let mut samples: Vec<Sample> = Vec::new();
            let mut data = Vec::new();
            for (part, is_last) in &parts {
                let CutPart { start_ticks, duration_ticks, independence, .. } = *part;
                let what =
                    format!("{name}, {part_ms} ms: {duration_ticks} of {target_ticks} at {start_ticks}");
                // HLS §4.4.4.9
                assert!(duration_ticks <= target_ticks, "{what}");
                let may_be_short = *is_last || independence != Independence::No;
                assert!(may_be_short || duration_ticks * 100 >= target_ticks * 85, "{what}");
                assert_eq!(start_ticks, next_ticks, "{what}");
                next_ticks += duration_ticks;

                let mut scanner = Scanner::new();
                scanner.push(part.body.concat().into());
                while let Some(item) = scanner.next().unwrap() {
                    let Item::Chunk(bytes) = item else { panic!("{what}: {item:?}") };
                    let chunk = Chunk::parse(&bytes, &track.header).unwrap();
                    samples.extend_from_slice(chunk.samples());
                    data.extend_from_slice(chunk.payload());
                }
            }
            let sent: Vec<Sample> = track.chunks.iter().flat_map(Chunk::samples).copied().collect();
            assert_eq!(samples, sent, "{name}");
            assert_eq!(
                data,
                track.chunks.iter().flat_map(|chunk| chunk.payload().to_vec()).collect::<Vec<_>>()
            );
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
