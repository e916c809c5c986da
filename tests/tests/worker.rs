//! The Worker, as it is built for Cloudflare, in workerd. Run by `cargo xtask test`, which builds it.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use packager_core::ingest::Settings;
use rimcast_tests::golden;
use rimcast_tests::golden::hosted::Hosted;
use rimcast_tests::live::{
    Asking, Feed, SlowPush, Wire, Worker, get, parts, segment_url, synthetic, tracks, video_playlist,
    wait_for,
};
use rimcast_tests::media::{Source, Synthetic};
use rimcast_tests::world::{Upload, World};

/// Longest that anything here is waited for, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn every_golden_case_is_answered_as_it_is_natively() {
    let only = std::env::var("GOLDEN_CASE").ok();
    let worker = Worker::start();
    let mut differences = Vec::new();
    let (mut answered, mut held) = (0, 0);
    for (number, folder) in golden::cases().iter().enumerate() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let mut hosted = Hosted::new(&worker, &format!("case-{number}"));
        let case = golden::read(folder);
        golden::play(&case, &mut hosted).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(hosted.answered + hosted.held, case.requests.len(), "{name}");
        differences.extend(hosted.differences.iter().map(|what| format!("{name}, {what}")));
        (answered, held) = (answered + hosted.answered, held + hosted.held);
    }
    println!("{answered} answered at once, {held} held or grown");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!((answered > 200 && held > 30) || only.is_some(), "{answered} answered at once, {held} held");
}

/// A broadcast of video whose time stands still: 4 s of it are stored, and the next part is due.
struct Standing<'a> {
    hosted: Hosted<'a>,
    world: World,
    source: Source,
    upload: Upload,
    pushed: usize,
    name: &'static str,
}

impl<'a> Standing<'a> {
    fn new(worker: &'a Worker, name: &'static str) -> Self {
        let mut world = World::new(Settings::default(), 1);
        let source = synthetic(false, 20);
        let upload = world.open("show/video.cmfv").unwrap();
        world.push(upload, source.header.clone()).unwrap();
        let hosted = Hosted::new(worker, name);
        let mut standing = Self { hosted, world, source, upload, pushed: 0, name };
        for _ in 0..8 {
            standing.push();
        }
        standing
    }

    /// Another part is stored, all at once.
    fn push(&mut self) {
        self.world.advance_to(self.source.arrival_ms(0, self.pushed));
        self.world.push(self.upload, self.source.chunks[self.pushed].body().concat().into()).unwrap();
        self.pushed += 1;
        self.hosted.mirror(&self.world, 0);
    }

    /// Paths of the next part and of the playlist that has it, and what the world's viewers get there.
    fn next(&self) -> [String; 2] {
        let playlist = self.world_playlist("");
        let hint = attribute(&playlist, "#EXT-X-PRELOAD-HINT:TYPE=PART");
        [format!("g/video/{hint}"), "g/video/index.m3u8?_HLS_msn=3&_HLS_part=0".to_owned()]
    }

    fn world_playlist(&self, query: &str) -> String {
        String::from_utf8(self.native(&format!("g/video/index.m3u8{query}"))).unwrap()
    }

    fn native(&self, path: &str) -> Vec<u8> {
        let mut world = World::new(Settings::default(), 1);
        world.store = self.world.store.clone();
        let answer = world.ask_now(&format!("/show/{path}")).expect("it is there").expect("edges agree");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.sent.body
    }

    fn url(&self, worker: &Worker, path: &str) -> String {
        worker.url(&format!("/{}/{path}", self.name))
    }
}

/// The URI of the first line that begins so.
fn attribute(playlist: &str, begins: &str) -> String {
    let line = playlist.lines().find(|line| line.starts_with(begins)).unwrap_or_else(|| panic!("{playlist}"));
    line.split("URI=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("it has a URI").to_owned()
}

fn until_held(worker: &Worker, held: usize) {
    wait_for(&format!("{held} are held"), LIMIT, || (worker.inside(usize::MAX).held == held).then_some(()));
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn a_thousand_wait_on_one_object_and_all_get_the_part() {
    let worker = Worker::start();
    let mut show = Standing::new(&worker, "crowd");
    let next = show.next();
    let ask = |number: usize| Asking::start("GET", &show.url(&worker, &next[number % 2]));
    let askings: Vec<Asking> = (0..1000).map(ask).collect();
    until_held(&worker, 1000);
    show.push();
    let expected = next.each_ref().map(|path| show.native(path));
    for (number, asking) in askings.iter().enumerate() {
        let got = asking.ended();
        assert_eq!((got.status(), &got.end), (Some(200), &Some(Ok(()))), "request {number}");
        assert!(got.body == expected[number % 2], "request {number} got something else");
    }
    assert_eq!(worker.inside(usize::MAX).held, 0);
}

/// Two segments of so many chunks are pushed; the URL of the third.
fn third_segment(worker: &Worker, feed: &mut Feed, chunks: usize) -> String {
    feed.send(0..2 * chunks);
    let stored = || parts(worker, "show", "video").len();
    wait_for("two segments are there", LIMIT, || (stored() == 2 * chunks).then_some(()));
    segment_url(&video_playlist(worker, "show"), 3)
}

/// How often each of these parts was read.
fn reads(worker: &Worker, chunks: std::ops::Range<usize>) -> Vec<usize> {
    let got = worker.inside(usize::MAX).got;
    parts(worker, "show", "video")[chunks].iter().map(|(part, _)| got[&part.key]).collect()
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn all_who_are_sent_a_growing_segment_share_one_reader() {
    let worker = Worker::start();
    let mut feed = Feed::open(worker.port(), "/ingest/show/video.cmfv", synthetic(false, 20));
    let segment = third_segment(&worker, &mut feed, 4);
    let ask = |count: usize| (0..count).map(|_| Asking::start("GET", &segment)).collect::<Vec<_>>();
    let mut askings = ask(100);
    until_held(&worker, 100);
    let mut expected = Vec::new();
    for chunk in 8..12 {
        feed.send(chunk..chunk + 1);
        expected.extend(feed.source.chunks[chunk].body().concat());
        for asking in &askings {
            drop(asking.until(|progress| progress.body.len() >= expected.len()));
        }
        if chunk > 8 && chunk < 11 {
            askings.extend(ask(50));
        }
    }
    assert!(askings.iter().all(|asking| asking.progress().end.is_none()), "it ended before it was closed");
    feed.send(12..13);
    for asking in &askings {
        let got = asking.ended();
        assert_eq!((got.status(), &got.end), (Some(200), &Some(Ok(()))));
        assert!(got.body == expected, "{} bytes", got.body.len());
    }
    assert_eq!(askings.len(), 200);
    assert_eq!(reads(&worker, 8..12), [1; 4]);
    assert_eq!(feed.finish(), 200);
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn who_reads_a_growing_segment_slowly_is_sent_all_of_it_and_keeps_nobody() {
    let worker = Worker::start();
    // More than is held in memory, and than fits into sockets.
    let media = Synthetic { frame_bytes: 300_000, gop: 120, seconds: 13, ..Synthetic::default() };
    let source = Source::synthetic(&media);
    let mut feed = Feed::open(worker.port(), "/ingest/show/video.cmfv", source);
    let segment = third_segment(&worker, &mut feed, 8);
    let slow = Wire::ask(&segment);
    until_held(&worker, 1);
    let quick = Wire::get(&segment);
    until_held(&worker, 2);
    feed.send(16..25);
    let quick = quick.ended();
    let expected: Vec<u8> =
        feed.source.chunks[16..24].iter().flat_map(|chunk| chunk.body().concat()).collect();
    assert!(quick.ended.is_some() && quick.body == expected, "{} bytes", quick.body.len());
    assert_eq!(reads(&worker, 16..24), [1; 8], "who does not read is not read for");
    let slow = Wire::read(slow).ended();
    assert!(slow.ended.is_some() && slow.body == expected, "{} bytes", slow.body.len());
    let reads = reads(&worker, 16..24);
    assert!(reads.contains(&2) && reads.iter().all(|reads| *reads <= 2), "{reads:?}");
    assert_eq!(feed.finish(), 200);
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn a_viewer_who_leaves_costs_nothing_after_the_deadline() {
    let worker = Worker::start();
    let mut left = Standing::new(&worker, "left");
    let [part, _] = left.next();
    let key = format!("left/{part}");
    let polls = |key: &str, since: usize| worker.inside(since).reads.iter().filter(|it| *it == key).count();
    let address = worker.address();
    let mut viewer = TcpStream::connect(address).unwrap();
    write!(viewer, "GET /{key} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    wait_for("it is polled for", LIMIT, || (polls(&key, 0) > 5).then_some(()));
    drop(viewer);
    left.hosted.mirror(&left.world, 10_000);
    until_held(&worker, 0);
    // Somebody else's polls are the clock: so long was nothing read for who has left.
    let other = Standing::new(&worker, "other");
    let [other_part, _] = other.next();
    let asking = Asking::start("GET", &other.url(&worker, &other_part));
    let other_key = format!("other/{other_part}");
    let polled = |since: usize| {
        wait_for("the other is polled for", LIMIT, || (polls(&other_key, since) >= 30).then_some(()));
    };
    polled(worker.inside(usize::MAX).read);
    let since = worker.inside(usize::MAX).read;
    polled(since);
    assert_eq!(polls(&key, since), 0, "it is still polled for who has left");
    assert!(asking.progress().end.is_none());
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn who_waits_in_an_object_that_is_restarted_is_told_to_ask_again() {
    let worker = Worker::start();
    let mut show = Standing::new(&worker, "show");
    let next = show.next();
    let ask = |number: usize| Asking::start("GET", &show.url(&worker, &next[number % 2]));
    let askings: Vec<Asking> = (0..200).map(ask).collect();
    until_held(&worker, 200);
    worker.restart("WAITING", "show/video@eu");
    for asking in &askings {
        told_to_ask_again(asking);
    }
    // Who does so waits, and gets it.
    let again = ask(0);
    until_held(&worker, 1);
    show.push();
    let got = again.ended();
    assert_eq!(got.status(), Some(200));
    assert!(got.body == show.native(&next[0]));
}

fn told_to_ask_again(asking: &Asking) {
    let got = asking.ended();
    let (status, headers) = got.head.as_ref().unwrap_or_else(|| panic!("no answer: {:?}", got.end));
    assert_eq!(*status, 503, "{got:?}");
    for (name, value) in
        [("retry-after", "1"), ("cache-control", "max-age=1"), ("access-control-allow-origin", "*")]
    {
        assert_eq!(headers.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn a_panic_leaves_nobody_waiting_and_the_next_request_works() {
    let worker = Worker::start();
    let all = tracks(20);
    for track in &all {
        track.push_header(&worker, "show");
        for number in 1..3 {
            track.push(&worker, "show", number);
        }
    }
    let [video, audio] = &all;
    let playlist = video_playlist(&worker, "show");
    let sound = playlist.replace("video-0", "audio-1");
    let next = |playlist: &str| {
        let hint = attribute(&get(playlist).unwrap().text(), "#EXT-X-PRELOAD-HINT:TYPE=PART");
        playlist.replace("index.m3u8", &hint)
    };
    let (next_video, next_audio) = (next(&playlist), next(&sound));
    let growing = Asking::start("GET", &segment_url(&playlist, 2));
    drop(growing.until(|progress| !progress.body.is_empty()));
    let urls = [&next_video, &next_audio, &format!("{playlist}?_HLS_msn=3&_HLS_part=0")];
    let askings: Vec<Asking> = (0..30).map(|number| Asking::start("GET", urls[number % 3])).collect();
    until_held(&worker, 30);
    let mut push = SlowPush::start(&worker, &audio.segment_path("show", 3));
    push.send(&audio.chunks(3).next().unwrap());
    wait_for("sound goes on", LIMIT, || (parts(&worker, "show", "audio-1").len() == 9).then_some(()));
    let askings: Vec<Asking> = askings
        .into_iter()
        .enumerate()
        .filter(|(number, _)| number % 3 != 1)
        .map(|(_, asking)| asking)
        .collect();

    worker.panic_at(next_video.rsplit('/').next().unwrap());
    let mut slow = SlowPush::start(&worker, &video.segment_path("show", 3));
    slow.send(&video.chunks(3).next().unwrap());
    for asking in &askings {
        told_to_ask_again(asking);
    }
    assert!(matches!(growing.ended().end, Some(Err(_))), "half a segment was ended as if it were one");
    for push in [push, slow] {
        let answer = push.answer();
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }

    for track in &all {
        track.push(&worker, "show", 3);
    }
    let part = get(&next_video).unwrap();
    assert_eq!(part.status, 200);
    assert!(part.body == video.chunks(3).next().unwrap());
    assert_eq!(get(&playlist).unwrap().status, 200);
    assert_eq!(get(&next_audio).unwrap().status, 200);
}
