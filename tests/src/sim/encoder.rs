//! The encoder: runs of it, their tracks, the requests it sends and what it makes of the answers.

use bytes::Bytes;
use packager_core::cmaf::TrackKind;

use super::media::SampleId;
use super::queue::{Answer, BodyId, Event, Message};
use super::sabotage::Sabotage;
use super::scenario::PushStyle;
use super::world::World;

/// `attempts` of a body that is sent twice for no reason: it is not sent again.
const DOUBLED: u32 = u32::MAX;

/// A track of the current run.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Which run of the encoder, or of this track alone, its samples belong to.
    run: u16,
    /// When its first sample began to be captured.
    captured_from: u64,
    /// Decode time of its first sample.
    pub(crate) origin_ticks: u64,
    next_sample: u64,
    chunks_in_segment: u64,
    /// The request that is open.
    body: Option<BodyId>,
    header_sent: bool,
    /// Another one goes out before the next keyframe.
    header_changes: bool,
    sending: bool,
    number: u64,
    /// The ingest its requests go to.
    ingest: usize,
}

/// A request, as the encoder remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) path: String,
    pub(crate) track: usize,
    run: u16,
    bytes: Vec<Bytes>,
    pub(crate) ended: bool,
    pub(crate) samples: Vec<SampleId>,
    pub(crate) answer: Option<Answer>,
    ingest: usize,
    epoch: u32,
    /// When its last piece arrives.
    arrives: u64,
    delay_ms: u64,
    attempts: u32,
}

/// The encoder.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// The run of all tracks; tracks that restarted alone have later ones.
    run: u16,
    last_run: u16,
    pub(crate) sources: Vec<Option<Source>>,
    pub(crate) bodies: Vec<Body>,
    /// Of each track and run: decode time of its first sample, by run.
    pub(crate) origins: std::collections::BTreeMap<(u32, u16), u64>,
    routes: Vec<usize>,
    running: bool,
    left: Vec<usize>,
    headers_changed: Vec<u16>,
}

impl World {
    /// Starts all tracks, with times from the scenario's origin in the first run and 0 later.
    pub(crate) fn start_run(&mut self, racing: bool) {
        let count = self.sources();
        let routes = (0..count).map(|source| self.first_route(source)).collect();
        let encoder = &mut self.encoder;
        if encoder.routes.is_empty() {
            encoder.routes = routes;
            encoder.headers_changed = vec![0; count];
            encoder.left.clone_from(&self.scenario.late_tracks);
        }
        encoder.last_run += 1;
        encoder.run = encoder.last_run;
        encoder.running = true;
        encoder.sources = vec![None; count];
        let run = encoder.run;
        self.log(&format!("encoder starts run {run}"));
        for track in 0..count {
            if !self.encoder.left.contains(&(track % self.scenario.tracks.len())) {
                // All tracks of a run share a clock; some begin later on it.
                let skew_ms = if racing { self.rng.between((0, 2_000)) } else { 0 };
                let origin_ms = self.origin_ms(run);
                self.start_source(track, run, self.now, origin_ms, skew_ms);
            }
        }
    }

    /// Decode time of a run's first sample, in milliseconds.
    pub(crate) fn origin_ms(&self, run: u16) -> u64 {
        if run == 1 { self.scenario.origin_ms } else { 0 }
    }

    pub(crate) fn start_source(
        &mut self,
        track: usize,
        run: u16,
        clock_from: u64,
        origin_ms: u64,
        skew_ms: u64,
    ) {
        let spec = self.spec(track);
        // A later start is a later sample: the clock is the encoder's.
        let skipped = spec.samples_until(spec.timescale().ticks_from_ms(skew_ms));
        let first = skipped.next_multiple_of(self.first_of(spec));
        let source = Source {
            run,
            captured_from: clock_from,
            origin_ticks: spec.timescale().ticks_from_ms(origin_ms),
            next_sample: if skew_ms == 0 { 0 } else { first },
            chunks_in_segment: 0,
            body: None,
            header_sent: false,
            header_changes: false,
            sending: true,
            number: 1,
            ingest: self.encoder.routes[track],
        };
        let at = source.captured_from + spec.captured_ms(source.next_sample + spec.chunk_frames);
        let at = at + self.lag_ms(track);
        self.encoder.origins.insert((self.track_id(track), run), source.origin_ticks);
        let mut source = source;
        self.send_header(track, &mut source);
        self.encoder.sources[track] = Some(source);
        self.queue.at(at.max(self.now), Event::Encode { run, track });
    }

    /// The next chunk of a track has been captured: it is sent.
    pub(crate) fn encode(&mut self, run: u16, track: usize) {
        let Some(mut source) = self.source(run, track) else { return };
        let spec = self.spec(track).clone();
        // A chunk ends where a GOP does: encoders that write a body a segment begin it with a keyframe.
        let gop_end = (source.next_sample / spec.gop_frames + 1) * spec.gop_frames;
        let mut to = source.next_sample + spec.chunk_frames;
        let is_all_sync = spec.kind != TrackKind::Video || spec.gop_frames == 1;
        if !is_all_sync {
            to = to.min(gop_end);
        }
        let id = self.track_id(track);
        if source.header_changes && spec.is_sync(source.next_sample) {
            source.header_changes = false;
            source.header_sent = false;
            self.encoder.headers_changed[track] += 1;
        }
        if source.sending {
            let bytes = spec.chunk(id, source.run, source.origin_ticks, source.next_sample, to);
            let bytes = self.coded(track, bytes);
            let samples =
                (source.next_sample..to).map(|number| SampleId { track: id, run: source.run, number });
            let samples: Vec<_> = samples.collect();
            for sample in &samples {
                self.ledger.sent(*sample);
            }
            self.send_chunk(track, &mut source, bytes, samples);
        }
        source.chunks_in_segment += 1;
        let ends_segment = if is_all_sync {
            source.chunks_in_segment >= spec.segment_chunks
        } else {
            to == gop_end && source.chunks_in_segment >= spec.segment_chunks
        };
        let ends_body = match self.scenario.style {
            PushStyle::LongPost => false,
            PushStyle::Segments => ends_segment,
            PushStyle::Chunks => true,
        };
        if ends_segment {
            source.chunks_in_segment = 0;
        }
        if ends_body && let Some(body) = source.body.take() {
            self.end_body(body, true);
        }
        source.next_sample = to;
        let mut next_chunk = to + spec.chunk_frames;
        if !is_all_sync {
            next_chunk = next_chunk.min(to + spec.gop_frames);
        }
        let at = source.captured_from + spec.captured_ms(next_chunk) + self.lag_ms(track);
        self.encoder.sources[track] = Some(source);
        self.queue.at(at.max(self.now), Event::Encode { run, track });
    }

    fn source(&self, run: u16, track: usize) -> Option<Source> {
        self.encoder.sources.get(track)?.clone().filter(|source| source.run == run)
    }

    fn header_of(&self, track: usize) -> Bytes {
        let mut spec = self.spec(track).clone();
        spec.width += self.encoder.headers_changed[track] * 2;
        self.dated(track, spec.header(self.track_id(track)))
    }

    fn send_header(&mut self, track: usize, source: &mut Source) {
        source.header_sent = true;
        let header = self.header_of(track);
        let stream = &self.spec(track).stream;
        let path = match self.scenario.style {
            PushStyle::LongPost => format!("live/{stream}.cmfv"),
            PushStyle::Segments => format!("live/init-stream{stream}.m4s"),
            PushStyle::Chunks => format!("live/{stream}/init.cmfv"),
        };
        if let Some(body) = source.body.take() {
            self.end_body(body, true);
        }
        let body = self.open_body(track, source, path, 0);
        self.send_bytes(body, header);
        if self.scenario.style == PushStyle::LongPost {
            source.body = Some(body);
        } else {
            self.end_body(body, true);
        }
    }

    fn send_chunk(&mut self, track: usize, source: &mut Source, bytes: Bytes, samples: Vec<SampleId>) {
        if !source.header_sent {
            self.send_header(track, source);
        }
        let stream = &self.spec(track).stream;
        let media_path = match self.scenario.style {
            PushStyle::LongPost => format!("live/{stream}.cmfv"),
            PushStyle::Segments => format!("live/chunk-stream{stream}-{:05}.m4s", source.number),
            PushStyle::Chunks => format!("live/{stream}/{}.cmfv", source.number),
        };
        let body = match source.body {
            Some(body) => body,
            None => {
                source.number += 1;
                let delay_ms = match self.scenario.reorder_ms {
                    0 => 0,
                    most => self.rng.between((0, most)),
                };
                let body = self.open_body(track, source, media_path, delay_ms);
                source.body = Some(body);
                body
            }
        };
        self.encoder.bodies[body].samples.extend(samples);
        self.send_bytes(body, bytes);
    }

    fn open_body(&mut self, track: usize, source: &Source, path: String, delay_ms: u64) -> BodyId {
        let id = self.encoder.bodies.len();
        let epoch = self.ingests[source.ingest].epoch;
        self.encoder.bodies.push(Body {
            path,
            track,
            run: source.run,
            bytes: Vec::new(),
            ended: false,
            samples: Vec::new(),
            answer: None,
            ingest: source.ingest,
            epoch,
            arrives: 0,
            delay_ms,
            attempts: 1,
        });
        let is_media =
            self.scenario.style != PushStyle::LongPost && !self.encoder.bodies[id].path.contains("init");
        if is_media && self.rng.chance(self.scenario.lost_permille) {
            self.encoder.bodies[id].answer = Some(Answer::Lost);
        }
        self.transmit(id, Message::Open);
        id
    }

    fn send_bytes(&mut self, body: BodyId, bytes: Bytes) {
        self.encoder.bodies[body].bytes.push(bytes.clone());
        // Bodies arrive in pieces that know nothing of boxes.
        let cut = usize::try_from(self.rng.between((0, bytes.len() as u64))).expect("a length");
        if cut > 0 && cut < bytes.len() {
            self.transmit(body, Message::Data(bytes.slice(..cut)));
            self.transmit(body, Message::Data(bytes.slice(cut..)));
        } else {
            self.transmit(body, Message::Data(bytes));
        }
    }

    fn end_body(&mut self, body: BodyId, whole: bool) {
        self.encoder.bodies[body].ended = true;
        self.transmit(body, Message::End(whole));
        let may_double = whole && self.scenario.style != PushStyle::LongPost;
        if may_double && self.rng.chance(self.scenario.doubled_permille) {
            let again = Body { attempts: DOUBLED, answer: None, ..self.encoder.bodies[body].clone() };
            self.encoder.bodies.push(again);
            let at = self.now + self.rng.between((0, 3_000));
            self.queue.at(at, Event::Send { body: self.encoder.bodies.len() - 1 });
        }
    }

    /// Puts a piece of a request on its way; pieces of one request stay in order.
    fn transmit(&mut self, id: BodyId, message: Message) {
        let latency = self.rng.between(self.scenario.network_ms);
        let body = &mut self.encoder.bodies[id];
        if body.answer == Some(Answer::Lost) {
            return;
        }
        body.arrives = (self.now + latency + body.delay_ms).max(body.arrives);
        let (ingest, epoch, at) = (body.ingest, body.epoch, body.arrives);
        self.queue.at(at, Event::Arrive { ingest, epoch, body: id, message });
    }

    /// Sends a whole body again.
    pub(crate) fn send_again(&mut self, id: BodyId) {
        let (track, whole) = (self.encoder.bodies[id].track, self.encoder.bodies[id].bytes.clone());
        if self.source(self.encoder.bodies[id].run, track).is_none() {
            // Nobody is there any more to send it.
            return;
        }
        let whole = self.retimed(id).map_or(whole, |retimed| vec![retimed]);
        let ingest = self.encoder.routes[track];
        let epoch = self.ingests[ingest].epoch;
        let body = &mut self.encoder.bodies[id];
        (body.ingest, body.epoch, body.answer, body.delay_ms) = (ingest, epoch, None, 0);
        self.transmit(id, Message::Open);
        for bytes in whole {
            self.transmit(id, Message::Data(bytes));
        }
        self.transmit(id, Message::End(true));
    }

    /// What a planted break sends the second time: the same media where new media is expected.
    fn retimed(&self, id: BodyId) -> Option<Bytes> {
        let body = &self.encoder.bodies[id];
        let source = self.encoder.sources[body.track].as_ref()?;
        let spec = self.spec(body.track);
        let (first, last) = (body.samples.first()?, body.samples.last()?);
        if self.scenario.sabotage != Sabotage::TakeTwice || body.attempts != DOUBLED {
            return None;
        }
        let moved = spec.time_ticks(source.next_sample) - spec.time_ticks(first.number);
        Some(spec.chunk(first.track, first.run, source.origin_ticks + moved, first.number, last.number + 1))
    }

    /// The encoder learns what became of a request.
    pub(crate) fn answered(&mut self, id: BodyId, answer: Answer) {
        let body = &mut self.encoder.bodies[id];
        if body.answer.is_some() {
            return;
        }
        body.answer = Some(answer);
        let (track, run) = (body.track, body.run);
        let is_current = self.source(run, track).is_some();
        if let Some(source) = self.encoder.sources[track].as_mut().filter(|source| source.run == run) {
            if source.body == Some(id) {
                source.body = None;
            }
            let broke = matches!(answer, Answer::Lost | Answer::Failed);
            if answer == Answer::HeaderWanted
                || (broke && self.scenario.resends_header && self.scenario.style == PushStyle::LongPost)
            {
                source.header_sent = false;
            }
        }
        let body = &self.encoder.bodies[id];
        let may_retry = self.scenario.retries
            && self.scenario.style != PushStyle::LongPost
            && is_current
            && body.ended
            && body.attempts < 4
            && matches!(answer, Answer::Lost | Answer::Failed | Answer::HeaderWanted);
        if may_retry {
            let mut again = body.clone();
            again.attempts += 1;
            again.answer = None;
            self.encoder.bodies.push(again);
            let at = self.now + self.rng.between((50, 600));
            self.queue.at(at, Event::Send { body: self.encoder.bodies.len() - 1 });
        }
    }

    /// Stops the encoder: requests end, or break off in the middle of a chunk.
    pub(crate) fn stop_encoder(&mut self, killed: bool) {
        self.encoder.running = false;
        self.log(&format!("encoder stops{}", if killed { ", killed" } else { "" }));
        for track in 0..self.encoder.sources.len() {
            if killed {
                self.kill_source(track);
            } else if let Some(body) = self.encoder.sources[track].take().and_then(|source| source.body) {
                self.end_body(body, true);
            }
        }
    }

    /// One source dies: its request breaks off in the middle of a chunk.
    pub(crate) fn kill_source(&mut self, track: usize) {
        let Some(source) = self.encoder.sources[track].take() else { return };
        if let Some(body) = source.body {
            self.break_off(track, &source, body);
        }
    }

    /// The current run, and when its first sample began to be captured.
    pub(crate) fn clock_of_run(&self) -> Option<(u16, u64)> {
        let mut sources = self.encoder.sources.iter().flatten();
        sources.find(|source| source.run == self.encoder.run).map(|first| (first.run, first.captured_from))
    }

    /// Half of the next chunk, and the connection breaks.
    fn break_off(&mut self, track: usize, source: &Source, body: BodyId) {
        let spec = self.spec(track);
        let to = source.next_sample + spec.chunk_frames;
        let chunk = spec.chunk(self.track_id(track), source.run, source.origin_ticks, source.next_sample, to);
        self.transmit(body, Message::Data(chunk.slice(..chunk.len() / 2)));
        self.end_body(body, false);
    }

    /// One track starts over, alone.
    pub(crate) fn restart_track(&mut self, track: usize) {
        let Some(source) = self.encoder.sources[track].take() else { return };
        if let Some(body) = source.body {
            self.end_body(body, true);
        }
        self.encoder.last_run += 1;
        let run = self.encoder.last_run;
        self.log(&format!("track {track} starts over alone, run {run}"));
        self.start_source(track, run, self.now, 0, 0);
    }

    /// One track sends nothing until it is resumed, or for ever.
    pub(crate) fn stall_track(&mut self, track: usize, for_ms: Option<u64>) {
        self.log(&format!("track {track} stalls for {for_ms:?} ms"));
        let Some(source) = self.encoder.sources[track].as_mut() else { return };
        source.sending = false;
        let (run, body) = (source.run, source.body.take());
        if let Some(body) = body {
            self.end_body(body, true);
        }
        match for_ms {
            Some(for_ms) => self.queue.at(self.now + for_ms, Event::Resume { run, track }),
            None => self.encoder.left.push(track),
        }
    }

    /// A stalled track goes on, with the sample that is being captured then.
    pub(crate) fn resume_track(&mut self, run: u16, track: usize) {
        if let Some(source) = self.encoder.sources[track].as_mut().filter(|source| source.run == run) {
            source.sending = true;
        }
    }

    /// A track that did not send yet begins, on the clock of the current run.
    pub(crate) fn join_track(&mut self, track: usize) {
        self.encoder.left.retain(|left| *left != track);
        let Some((run, from)) = self.clock_of_run() else { return };
        self.log(&format!("track {track} joins run {run}"));
        let origin_ms = self.origin_ms(run);
        self.start_source(track, run, from, origin_ms, self.now - from);
    }

    /// A new header, before the next keyframe.
    pub(crate) fn change_header(&mut self, track: usize) {
        if let Some(source) = self.encoder.sources[track].as_mut() {
            source.header_changes = true;
        }
    }

    /// A track's requests go to another ingest from now on.
    pub(crate) fn reroute(&mut self, track: usize, ingest: usize) {
        self.encoder.routes[track] = ingest;
        let Some(source) = self.encoder.sources[track].as_mut() else { return };
        source.ingest = ingest;
        if self.scenario.style == PushStyle::LongPost {
            source.header_sent = !self.scenario.resends_header;
        }
        if let Some(body) = source.body.take() {
            self.end_body(body, true);
        }
    }
}
