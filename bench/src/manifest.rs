//! Writing manifests and their patches, against quick-xml writing the same events with no logic.

use std::hint::black_box;
use std::time::Duration;

use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::cmaf::{Header, TrackKind};
use packager_core::dash::{Form, Manifest, PatchRequest, Stretch};
use packager_core::log::{
    Anchor, Begin, Chain, Checkpoint, Entry, Generation, Independence, PartMeta, PeriodRecord, Rendition,
    SessionId, Shape, TrackName, TrackSettings,
};
use packager_core::time::{Timescale, WallMs};
use quick_xml::events::Event;
use quick_xml::{Reader, Writer};

use crate::measure::{heading, median_of_calls};

const BEGINS: WallMs = WallMs(1_795_000_000_000);

pub(crate) fn run() {
    heading("writing the manifest of 4 renditions: 60 s window, 2 s segments, 500 ms parts");
    let ladder = Ladder::new(60_000);
    full(&ladder, Form::Chunked);
    full(&ladder, Form::Sequence);
    heading("writing the manifest of 4 renditions: 4 h window, 7,200 segments, hardly two of one length");
    let mut ladder = Ladder::new(4 * 3_600_000);
    let forms = [Form::Chunked, Form::Sequence];
    let before = forms.map(|form| (form, ladder.manifest(form, render)));
    let written = forms.map(|form| full(&ladder, form));
    ladder.add_segment();
    for ((form, old), written) in before.iter().zip(written) {
        let (_, rest) = old.split_once("?from=").expect("it says where the patch is");
        let (query, _) = rest.split_once('<').expect("the element ends");
        let request =
            PatchRequest::parse(&format!("from={}", query.replace("&amp;", "&"))).expect("it is ours");
        let patch = ladder.manifest(*form, |manifest| manifest.patch(&request)).expect("there is one");
        assert!(patch.contains("<add "), "{patch}");
        let time =
            ladder.manifest(*form, |manifest| median_of_calls(|| drop(black_box(manifest.patch(&request)))));
        println!(
            "patch of {:<13} {:>7} bytes in {time:>10.1?}  {:.1} times as long as quick-xml takes for the manifest",
            form.file(),
            patch.len(),
            time.as_secs_f64() / written.as_secs_f64()
        );
    }
    let checkpoint =
        ladder.tracks.iter().map(|track| Checkpoint::of(&track.chain, u64::MAX).to_json().len()).max();
    println!("largest checkpoint that holds this window: {} bytes", checkpoint.unwrap_or_default());
}

fn render(manifest: &Manifest<'_>) -> String {
    manifest.render()
}

/// Measures a manifest; gives how long quick-xml takes for it.
fn full(ladder: &Ladder, form: Form) -> Duration {
    let text = ladder.manifest(form, render);
    let events = events(&text);
    let mut written = Vec::with_capacity(text.len());
    write(&events, &mut written);
    assert!(text.trim_end().as_bytes() == written, "the yardstick writes something else");
    let plain = median_of_calls(|| {
        written.clear();
        write(black_box(&events), &mut written);
    });
    let time = ladder.manifest(form, |manifest| median_of_calls(|| drop(black_box(manifest.render()))));
    println!(
        "{:<22} {:>7} bytes in {time:>10.1?}  quick-xml alone: {plain:>10.1?}  {:.1} times as long (aim: 3)",
        form.file(),
        text.len(),
        time.as_secs_f64() / plain.as_secs_f64()
    );
    plain
}

fn events(text: &str) -> Vec<Event<'static>> {
    let mut reader = Reader::from_str(text);
    let mut events = Vec::new();
    loop {
        match reader.read_event().expect("it is well-formed") {
            Event::Eof => return events,
            Event::Text(text) if text.trim().is_empty() => {}
            event => events.push(event.into_owned()),
        }
    }
}

fn write(events: &[Event<'static>], to: &mut Vec<u8>) {
    let mut writer = Writer::new_with_indent(to, b' ', 1);
    for event in events {
        writer.write_event(event.borrow()).expect("memory does not fail");
    }
}

/// Three renditions of pictures and one of sound.
struct Ladder {
    generation: Generation,
    shape: Shape,
    periods: Vec<PeriodRecord>,
    tracks: Vec<Track>,
}

struct Track {
    name: TrackName,
    header: Header,
    chain: Chain,
    /// Ticks of a frame, and frames in a part.
    frame: (u64, u64),
    segments: u64,
}

impl Ladder {
    /// One that has filled its window.
    fn new(window_ms: u32) -> Self {
        let session = SessionId::mint(BEGINS, 1);
        let shape =
            Shape { target_duration_s: 2, segment_ms: 2000, part_ms: 500, whole_segments: false, window_ms };
        let timescale = Timescale::new(15_360).expect("not zero");
        let anchor = Anchor { wall: BEGINS, time_ticks: 0, timescale, is_produced: false };
        let picture = |width, height| (SyntheticMedia::Avc { width, height }, timescale, (512, 15));
        let sound = SyntheticMedia::Aac { sample_rate: 48_000, channels: 2 };
        let sound = (sound, Timescale::new(48_000).expect("not zero"), (1024, 24));
        let media = [picture(1920, 1080), picture(1280, 720), picture(640, 360), sound];
        let tracks = (1..).zip(media).map(|(id, (media, timescale, frame))| {
            let header = SyntheticHeader::new(id, timescale, media);
            let begin = Begin {
                kind: header.kind(),
                session: session.clone(),
                start_ticks: 0,
                timescale,
                period: 0,
                part_target_ticks: frame.0 * frame.1,
                first_msn: 1,
            };
            Track {
                name: TrackName::parse(&format!("track-{id}")).expect("a name"),
                header: Header::parse(&header.write()).expect("a header"),
                chain: Chain::new(begin, shape),
                frame,
                segments: 0,
            }
        });
        let mut ladder = Self {
            generation: Generation::parse("g").expect("a name"),
            shape,
            periods: vec![PeriodRecord { session: session.clone(), anchor, shape: Some(shape) }],
            tracks: tracks.collect(),
        };
        for _ in 0..window_ms / 1_900 {
            ladder.add_segment();
        }
        ladder
    }

    fn add_segment(&mut self) {
        self.tracks.iter_mut().for_each(Track::add_segment);
    }

    fn manifest<T>(&self, form: Form, use_it: impl FnOnce(&Manifest<'_>) -> T) -> T {
        let renditions: Vec<_> = self
            .tracks
            .iter()
            .map(|Track { name, header, chain, .. }| Rendition {
                track: name,
                header,
                chain,
                settings: TrackSettings::NONE,
            })
            .collect();
        let Self { generation, shape, periods, .. } = self;
        use_it(&Manifest {
            generation,
            root: generation.as_str(),
            shape,
            periods,
            renditions: &renditions,
            behind: &[],
            form,
            stretch: Stretch::Window,
        })
    }
}

impl Track {
    /// Four parts, the last of which is as short as the encoder's scene changes make it.
    fn add_segment(&mut self) {
        let (frame_ticks, frames) = self.frame;
        let last = frames - 1 - self.segments * 2 % 5;
        self.segments += 1;
        for (place, frames) in [frames, frames, frames, last].into_iter().enumerate() {
            let is_start = place == 0 || self.chain.begin.kind == TrackKind::Audio;
            let at_ms = self.chain.run.timescale.ms_from_ticks(self.chain.next_ticks);
            let meta = PartMeta {
                duration_ticks: frames * frame_ticks,
                offset_ticks: 0,
                frame_bytes: 0,
                samples: frames as u32,
                independence: if is_start { Independence::Start } else { Independence::No },
                wall: BEGINS.plus_ms(at_ms as i64 + 500),
                hash: self.segments,
            };
            self.chain.absorb(&Entry::Part(meta), 30_000 * frames).expect("the chain is sound");
        }
        self.chain.trim(64);
    }
}
