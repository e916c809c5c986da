//! Recorded pushes, in every way that ffmpeg has: what is stored is what was sent, once and in order.

use bytes::Bytes;
use packager_core::cmaf::mux::split_header;
use packager_core::cmaf::{Chunk, Header, Item, Scanner, TrackKind, inband};
use packager_core::ingest::Settings;
use packager_core::log::{
    BroadcastLog, BroadcastSettings, Independence, Keys, LanguageTag, TrackName, TrackSettings,
};
use rimcast_tests::media::{Source, Synthetic, media_folder};
use rimcast_tests::recordings::recordings;
use rimcast_tests::world::World;

fn captured(path: &str) -> Bytes {
    let path = media_folder().join(path);
    std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display())).into()
}

/// Sends a whole body in pieces of a network's size. Panics if it is refused.
fn push(world: &mut World, path: &str, body: &Bytes) {
    let upload = world.open(path).unwrap();
    for piece in body.chunks(1400) {
        world.push(upload, Bytes::copy_from_slice(piece)).unwrap_or_else(|why| panic!("{path}: {why}"));
    }
    world.finish(upload, true);
}

/// A sample: how long it lasts, and its bytes.
type Samples = Vec<(u32, Bytes)>;

fn samples_of(chunk: &Chunk, to: &mut Samples) {
    let mut at = 0;
    for sample in chunk.samples() {
        let end = at + sample.bytes as usize;
        to.push((sample.duration_ticks, chunk.payload().slice(at..end)));
        at = end;
    }
}

/// The samples that bodies hold of the n-th track of the header they begin with.
fn sent(bodies: &[Bytes], track: usize) -> Samples {
    let mut scanner = Scanner::new();
    for body in bodies {
        scanner.push(body.clone());
    }
    let mut header = None;
    let mut incomplete: Option<Bytes> = None;
    let mut samples = Vec::new();
    while let Some(item) = scanner.next().unwrap() {
        if let (Item::Chunk(first), Some(bytes)) = (&item, incomplete.take()) {
            let completed: Bytes = inband::complete(&bytes, first).unwrap().expect("its media completes it");
            header = Some(Header::parse(&completed).unwrap());
        }
        match (item, &header) {
            (Item::Header(bytes), _) if inband::lacks_parameter_sets(&bytes).unwrap() => {
                incomplete = Some(bytes);
            }
            (Item::Header(bytes), _) => {
                header = Some(Header::parse(&split_header(&bytes).unwrap()[track]).unwrap());
            }
            (Item::Chunk(bytes), Some(header)) => {
                if let Ok(chunk) = Chunk::parse(&bytes, header) {
                    samples_of(&chunk, &mut samples);
                }
            }
            (Item::Chunk(_), None) => panic!("media before its header"),
        }
    }
    assert!(!samples.is_empty());
    samples
}

/// The samples that are stored of a track, in the order of its chain, which has no gap and one period.
fn stored(world: &World, log: &BroadcastLog, track: &str) -> Samples {
    let (name, log) = log
        .tracks()
        .find(|(name, _)| name.as_str() == track)
        .unwrap_or_else(|| panic!("no {track}: {:?}", world.journal));
    let chain = log.chain().unwrap_or_else(|| panic!("{track} has not begun: {:?}", world.journal));
    assert_eq!(chain.run.period, 0, "{:?}", world.journal);
    let keys = Keys::new(
        &packager_core::log::BroadcastName::parse("show").unwrap(),
        &packager_core::log::Generation::parse("g").unwrap(),
    );
    let mut samples = Vec::new();
    for segment in chain.closed.iter().chain(&chain.open) {
        assert!(!segment.is_gap(), "{track}: {:?}", world.journal);
        let init = world.store.get(&keys.init(name, &segment.run.session)).expect("its header is stored");
        let header = Header::parse(&init.body).unwrap();
        for part in &segment.parts {
            let object = world.store.get(&keys.part(name, &segment.run.session, part.start_ticks)).unwrap();
            let mut scanner = Scanner::new();
            scanner.push(object.body.clone());
            while let Some(Item::Chunk(bytes)) = scanner.next().unwrap() {
                samples_of(&Chunk::parse(&bytes, &header).unwrap(), &mut samples);
            }
        }
    }
    samples
}

fn assert_stored(world: &World, track: &str, sent: &Samples) {
    let stored = stored(world, &world.read_log(), track);
    assert_eq!(stored.len(), sent.len(), "{track}: {:?}", world.journal);
    assert!(stored == *sent, "{track}: the samples differ");
}

#[test]
fn every_codec_is_stored_as_it_was_sent_and_listed_by_the_rules() {
    for recording in recordings() {
        for part_ms in [500, 200] {
            let name = &recording.name;
            let mut world = World::new(Settings { part_ms, ..Settings::default() }, 1);
            if !recording.makes_a_broadcast() {
                // Of what is so short, nothing tells how long a segment should be.
                push_a_broadcast_beside(&mut world);
            }
            let bodies = recording.bodies();
            let upload = world.open("show/track.cmfv").unwrap();
            for body in &bodies {
                world.push(upload, body.clone()).unwrap_or_else(|why| panic!("{name}: {why}"));
            }
            world.finish(upload, true);
            world.advance_to(10_000);
            let kind = recording.header.kind;
            let track = format!("{kind}-track");
            let log = world.read_log();
            let chain = log.tracks().find(|(of, _)| of.as_str() == track).and_then(|(_, log)| log.chain());
            let chain = chain.unwrap_or_else(|| panic!("{name}: {:?}", world.journal));
            assert_eq!(chain.has_parts(), kind != TrackKind::Text);
            let target = chain.part_target_ticks();
            for segment in chain.closed.iter().chain(&chain.open) {
                for (index, part) in segment.parts.iter().enumerate() {
                    let ticks = part.meta.duration_ticks;
                    let is_long_enough = ticks * 100 >= target * 85
                        || part.meta.independence != Independence::No
                        || index + 1 == segment.parts.len();
                    assert!(ticks <= target && is_long_enough, "{name}: H4: {ticks} of {target} at {index}");
                }
            }
            let sent = sent(&bodies, 0);
            let stored = stored(&world, &log, &track);
            let payload =
                |samples: &Samples| samples.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>();
            // Text that lasts too long for a segment is said twice, the rest is as it was.
            if kind == TrackKind::Text {
                let mut once = payload(&stored);
                once.dedup();
                let mut sent_once = payload(&sent);
                sent_once.dedup();
                assert_eq!(once, sent_once, "{name}");
                let lasts =
                    |samples: &Samples| samples.iter().map(|(ticks, _)| u64::from(*ticks)).sum::<u64>();
                assert_eq!(lasts(&stored), lasts(&sent), "{name}");
            } else {
                assert!(stored == sent, "{name}: the samples differ");
            }
        }
    }
}

/// Pictures with two keyframes, which tell TARGETDURATION.
fn push_a_broadcast_beside(world: &mut World) {
    let beside = Source::synthetic(&Synthetic { seconds: 4, ..Synthetic::default() });
    let upload = world.open("show/beside.cmfv").unwrap();
    world.push(upload, beside.header.clone()).unwrap();
    for chunk in &beside.chunks {
        world.push(upload, chunk.body().concat().into()).unwrap();
    }
    world.finish(upload, true);
}

#[test]
fn one_long_post_for_each_track() {
    let mut world = World::new(Settings::default(), 1);
    let (video, audio) =
        (captured("live_interface1_post/video.cmfv"), captured("live_interface1_post/audio.cmfa"));
    push(&mut world, "show/video.cmfv", &video);
    push(&mut world, "show/Streams(audio.cmfa)", &audio);
    world.advance_to(5_000);
    assert_stored(&world, "video", &sent(&[video], 0));
    assert_stored(&world, "audio", &sent(&[audio], 0));
}

#[test]
fn smooth_streaming() {
    let mut world = World::new(Settings::default(), 1);
    let body = captured("live_ismv_post/all.ismv");
    push(&mut world, "show/push.isml", &body);
    world.advance_to(5_000);
    assert_stored(&world, "video-push", &sent(std::slice::from_ref(&body), 0));
    assert_stored(&world, "audio-push", &sent(&[body], 1));
}

/// Pushes what `-f hls` wrote: the header, then segments, with the playlist after each.
fn push_hls(world: &mut World, folder: &str, header: &str, stem: &str, playlist: &str) -> Vec<Bytes> {
    let mut bodies = vec![captured(&format!("{folder}/{header}"))];
    push(world, &format!("show/{header}"), &bodies[0]);
    for number in 0..3 {
        let file = format!("{stem}{number}.m4s");
        bodies.push(captured(&format!("{folder}/{file}")));
        push(world, &format!("show/{file}"), bodies.last().unwrap());
        // The last playlist names all of them, as each does those so far.
        push(world, &format!("show/{playlist}"), &captured(&format!("{folder}/{playlist}")));
        world.advance_to(world.now_ms() + 2_000);
    }
    bodies
}

#[test]
fn hls_with_sound_and_pictures_in_one_file() {
    let mut world = World::new(Settings::default(), 1);
    let bodies = push_hls(&mut world, "live_hls_muxed", "init.mp4", "index", "index.m3u8");
    assert_stored(&world, "video-main", &sent(&bodies, 0));
    assert_stored(&world, "audio-main", &sent(&bodies, 1));
}

#[test]
fn hls_with_variants_whose_names_do_not_say_which_header_is_theirs() {
    let mut world = World::new(Settings::default(), 1);
    for (track, stream, stem) in
        [("video-0", "0", "out_0"), ("video-1", "1", "out_1"), ("audio-2", "2", "out_snd")]
    {
        let playlist = format!("{stem}.m3u8");
        let mut world = World::new(Settings::default(), 1);
        let header = format!("init_{stream}.mp4");
        let bodies = push_hls(&mut world, "live_hls_variants", &header, stem, &playlist);
        assert_stored(&world, track, &sent(&bodies, 0));
    }
    // All at once, as ffmpeg does: headers first, then a segment of each and its playlist.
    for stream in 0..3 {
        let file = format!("init_{stream}.mp4");
        push(&mut world, &format!("show/{file}"), &captured(&format!("live_hls_variants/{file}")));
    }
    for number in 0..3 {
        for stem in ["out_0", "out_1", "out_snd"] {
            let file = format!("{stem}{number}.m4s");
            push(&mut world, &format!("show/{file}"), &captured(&format!("live_hls_variants/{file}")));
            let playlist = format!("live_hls_variants/{stem}.m3u8");
            push(&mut world, &format!("show/{stem}.m3u8"), &captured(&playlist));
        }
        world.advance_to(world.now_ms() + 2_000);
    }
    for (stream, track, stem) in [(0, "video-0", "out_0"), (1, "video-1", "out_1"), (2, "audio-2", "out_snd")]
    {
        let mut bodies = vec![captured(&format!("live_hls_variants/init_{stream}.mp4"))];
        bodies.extend((0..3).map(|number| captured(&format!("live_hls_variants/{stem}{number}.m4s"))));
        assert_stored(&world, track, &sent(&bodies, 0));
    }
}

#[test]
fn a_restarted_ingest_takes_up_a_muxed_push_without_its_header() {
    let mut world = World::new(Settings::default(), 1);
    let file = |name: &str| captured(&format!("live_hls_muxed/{name}"));
    let bodies = ["init.mp4", "index0.m4s", "index1.m4s", "index2.m4s"].map(file);
    for (name, body) in
        ["init.mp4", "index0.m4s", "index.m3u8"].iter().zip([&bodies[0], &bodies[1], &file("index.m3u8")])
    {
        push(&mut world, &format!("show/{name}"), body);
    }
    world.advance_to(3_000);
    world.restart_ingest();
    for number in [1, 2] {
        push(&mut world, &format!("show/index{number}.m4s"), &bodies[number + 1]);
        push(&mut world, "show/index.m3u8", &file("index.m3u8"));
        world.advance_to(world.now_ms() + 2_000);
    }
    assert_stored(&world, "video-main", &sent(&bodies, 0));
    assert_stored(&world, "audio-main", &sent(&bodies, 1));
}

/// The header with another creation date, as a second encoder beside the first writes it.
fn dated(header: &Bytes) -> Bytes {
    let mut dated = header.to_vec();
    let mvhd = dated.windows(4).position(|at| at == b"mvhd").unwrap();
    dated[mvhd + 9] ^= 1;
    dated.into()
}

#[test]
fn two_encoders_push_the_same_media_and_either_may_die() {
    let file = |stream: usize, number: usize| {
        captured(&format!("live_dash_push/chunk-stream{stream}-{number:05}.m4s"))
    };
    for dies in [0, 1] {
        let mut world = World::new(Settings::default(), 1);
        let mut bodies = [Vec::new(), Vec::new()];
        for encoder in 0..2 {
            for (stream, bodies) in bodies.iter_mut().enumerate() {
                let path = format!("live_dash_push/init-stream{stream}.m4s");
                let header = if encoder == 0 { captured(&path) } else { dated(&captured(&path)) };
                push(&mut world, &format!("show/init-stream{stream}.m4s"), &header);
                if encoder == 0 {
                    bodies.push(header);
                }
            }
        }
        for number in 1..=3 {
            for (stream, bodies) in bodies.iter_mut().enumerate() {
                let body = file(stream, number);
                for encoder in 0..2 {
                    let path = format!("show/chunk-stream{stream}-{number:05}.m4s");
                    if encoder == dies && number == 2 {
                        // It dies in the middle of this segment.
                        let upload = world.open(&path).unwrap();
                        world.push(upload, body.slice(..body.len() / 2)).unwrap();
                        world.finish(upload, false);
                    } else if encoder != dies || number < 2 {
                        push(&mut world, &path, &body);
                    }
                }
                bodies.push(body);
            }
            world.advance_to(world.now_ms() + 2_000);
        }
        assert_stored(&world, "video-0", &sent(&bodies[0], 0));
        assert_stored(&world, "audio-1", &sent(&bodies[1], 0));
        assert!(world.journal.iter().all(|(_, what)| !what.contains("period 1")), "{:?}", world.journal);
    }
}

#[test]
fn the_last_segment_ends_its_track() {
    let mut world = World::new(Settings::default(), 1);
    push(&mut world, "show/init-stream0.m4s", &captured("live_dash_push/init-stream0.m4s"));
    push(&mut world, "show/chunk-stream0-00001.m4s", &captured("live_dash_push/chunk-stream0-00001.m4s"));
    let mut last = captured("live_dash_push/chunk-stream0-00002.m4s").to_vec();
    let styp = u32::from_be_bytes(*last.first_chunk::<4>().unwrap()) as usize;
    last[styp - 4..styp].copy_from_slice(b"lmsg");
    push(&mut world, "show/chunk-stream0-00002.m4s", &last.into());
    world.advance_to(4_000);
    let log = world.read_log();
    let (_, track) = log.tracks().next().unwrap();
    assert!(track.chain().unwrap().ended, "{:?}", world.journal);
    push(&mut world, "show/chunk-stream0-00003.m4s", &captured("live_dash_push/chunk-stream0-00003.m4s"));
    world.advance_to(8_000);
    let said = world.journal.iter().any(|(_, what)| what.contains("answered 409") && what.contains("lmsg"));
    assert!(said, "{:?}", world.journal);
}

#[test]
fn the_encoders_clock_dates_the_media() {
    // Recorded with prft; it arrives as if three seconds had passed on the way.
    let body = captured("live_interface1_post/video.cmfv");
    let mut scanner = Scanner::new();
    scanner.push(body.clone());
    let Some(Item::Header(header)) = scanner.next().unwrap() else { panic!("a header comes first") };
    let Some(Item::Chunk(first)) = scanner.next().unwrap() else { panic!("then media") };
    let header = Header::parse(&inband::complete(&header, &first).unwrap().unwrap()).unwrap();
    let produced = Chunk::parse(&first, &header).unwrap().producer().expect("it has a prft");
    let begins = rimcast_tests::world::BEGINS;
    let shift_ms = begins.plus_ms(1_000).since_ms(produced.wall);
    let mut moved = body.to_vec();
    let at: Vec<_> =
        moved.windows(4).enumerate().filter(|(_, four)| *four == b"prft").map(|(at, _)| at).collect();
    for at in at {
        let ntp = at + 12;
        let seconds = u32::from_be_bytes(*moved[ntp..].first_chunk::<4>().unwrap());
        let moved_s = i64::from(seconds) + shift_ms.div_euclid(1000);
        moved[ntp..ntp + 4].copy_from_slice(&u32::try_from(moved_s).unwrap().to_be_bytes());
    }
    let mut world = World::new(Settings::default(), 1);
    world.advance_to(10_000);
    push(&mut world, "show/video.cmfv", &moved.into());
    world.advance_to(15_000);
    let log = world.read_log();
    let anchor = log.periods()[0].anchor;
    let off_ms = anchor.wall_at(produced.media_ticks, 0, header.timescale).since_ms(begins.plus_ms(1_000));
    assert!(off_ms.abs() <= 1_000, "{off_ms} ms off");
}

#[test]
fn languages_are_read_from_the_manifest() {
    let mut world = World::new(Settings::default(), 1);
    for stream in 0..2 {
        let file = format!("init-stream{stream}.m4s");
        push(&mut world, &format!("show/{file}"), &captured(&format!("live_dash_push/{file}")));
    }
    let mpd = String::from_utf8(captured("live_dash_push/manifest.mpd").to_vec()).unwrap();
    push(&mut world, "show/manifest.mpd", &mpd.clone().into());
    assert_eq!(world.settings(), BroadcastSettings::default());
    let said = mpd.replace("contentType=\"audio\"", "contentType=\"audio\" lang=\"fra\"");
    push(&mut world, "show/manifest.mpd", &said.into());
    let settings = world.settings();
    let languages: Vec<_> = settings
        .tracks
        .iter()
        .map(|(track, settings)| (track.as_str(), settings.language.as_ref().map(LanguageTag::as_str)))
        .collect();
    assert_eq!(languages, [("audio-1", Some("fr"))]);
    // The operator knows better.
    let mut settings = BroadcastSettings::default();
    let own = TrackSettings { language: LanguageTag::parse("oc").ok(), ..TrackSettings::default() };
    settings.tracks.insert(TrackName::parse("audio-1").unwrap(), own);
    world.configure(&settings);
    assert_eq!(world.settings(), settings);
}

#[test]
fn a_segment_of_the_only_stream_there_is_needs_no_playlist() {
    // `-http_persistent` sends the playlist behind the segment, on the same connection.
    let mut world = World::new(Settings::default(), 1);
    push(&mut world, "show/init.mp4", &captured("live_hls_muxed/init.mp4"));
    let mut bodies = vec![captured("live_hls_muxed/init.mp4")];
    for number in 0..3 {
        bodies.push(captured(&format!("live_hls_muxed/index{number}.m4s")));
        push(&mut world, &format!("show/index{number}.m4s"), bodies.last().unwrap());
        world.advance_to(world.now_ms() + 2_000);
    }
    assert_stored(&world, "video-main", &sent(&bodies, 0));
    assert_stored(&world, "audio-main", &sent(&bodies, 1));
}

#[test]
fn a_playlist_tells_of_the_segments_that_follow() {
    let mut world = World::new(Settings::default(), 1);
    for stream in 0..3 {
        let file = format!("init_{stream}.mp4");
        push(&mut world, &format!("show/{file}"), &captured(&format!("live_hls_variants/{file}")));
    }
    for (track, stream, stem) in [("video-1", 1, "out_1"), ("audio-2", 2, "out_snd")] {
        // As it was after the first segment.
        let map = format!("#EXTM3U\n#EXT-X-MAP:URI=\"init_{stream}.mp4\"\n#EXTINF:2.0,\n{stem}0.m4s\n");
        push(&mut world, &format!("show/{stem}.m3u8"), &map.into());
        let mut bodies = vec![captured(&format!("live_hls_variants/init_{stream}.mp4"))];
        for number in 0..3 {
            let file = format!("{stem}{number}.m4s");
            bodies.push(captured(&format!("live_hls_variants/{file}")));
            push(&mut world, &format!("show/{file}"), bodies.last().unwrap());
        }
        world.advance_to(world.now_ms() + 4_000);
        assert_stored(&world, track, &sent(&bodies, 0));
    }
}
