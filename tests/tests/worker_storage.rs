//! What the Worker does with its bucket: what R2 allows, and what survives. In workerd; run by `cargo xtask test`.

use std::time::Duration;

use rimcast_tests::live::{
    SlowPush, Worker, get, parts, put, request, root, segment_url, tracks, video_playlist, wait_for,
};

/// Longest that anything here is waited for, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn an_ingest_object_restarted_in_the_middle_of_a_push_goes_on() {
    let worker = Worker::start();
    let [video, audio] = tracks(20);
    for track in [&video, &audio] {
        track.push_header(&worker, "show");
        track.push(&worker, "show", 1);
    }
    let before = parts(&worker, "show", "video-0");
    for number in 2..6 {
        audio.push(&worker, "show", number);
        let mut push = SlowPush::start(&worker, &video.segment_path("show", number));
        let arrived = number - 1;
        for chunk in video.chunks(number).take(arrived) {
            push.send(&chunk);
        }
        let wanted = 4 * (number - 1) + arrived;
        wait_for("what came is stored", LIMIT, || {
            (parts(&worker, "show", "video-0").len() == wanted).then_some(())
        });
        worker.restart("INGEST", "show");
        let answer = push.answer();
        assert!(!answer.starts_with("HTTP/1.1 2"), "a body that was cut short was acknowledged: {answer}");
        // The encoder sends the segment again, without its header.
        video.push(&worker, "show", number);
    }
    let after = parts(&worker, "show", "video-0");
    assert!(after.starts_with(&before), "what was acknowledged has changed");
    let sent: Vec<u8> = (1..6).flat_map(|number| video.chunks(number)).flatten().collect();
    assert!(after.iter().flat_map(|(_, body)| body).eq(&sent), "what was acknowledged is not what is stored");
    let text = get(&video_playlist(&worker, "show")).unwrap().text();
    assert!(text.contains("\n#EXT-X-MEDIA-SEQUENCE:1\n"), "{text}");
    for number in 1..6 {
        assert!(text.contains(&format!("-{number}.m4s\n")) || number == 5, "{text}");
    }
    let inside = worker.inside(usize::MAX);
    assert!(inside.refused.is_empty(), "R2 would have refused {:#?}", inside.refused);
    assert!(!text.contains("DISCONTINUITY\n") && !text.contains("EXT-X-GAP"), "{text}");
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn a_minute_of_media_is_stored_as_r2_allows() {
    let worker = Worker::start();
    let all = tracks(62);
    for track in &all {
        track.push_header(&worker, "show");
    }
    let manifest = std::fs::read_to_string(root().join("tests/media/live_dash_push/manifest.mpd")).unwrap();
    let manifest = manifest.replace("contentType=\"audio\"", "contentType=\"audio\" lang=\"de\"");
    for number in 1..=30 {
        for track in &all {
            track.push(&worker, "show", number);
        }
        // The manifest comes with every segment, the first as soon as anything does.
        let answer = put(&worker.url("/ingest/show/manifest.mpd"), manifest.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // What it says is kept as soon as that may be written.
    wait_for("what the manifest says is kept", LIMIT, || {
        String::from_utf8_lossy(&worker.stored("show/broadcast.json")).contains("\"de\"").then_some(())
    });
    let inside = worker.inside(usize::MAX);
    assert!(inside.refused.is_empty(), "R2 would have refused {:#?}", inside.refused);
    for (key, tried) in &inside.writes {
        let too_soon = tried.windows(2).any(|pair| pair[1] - pair[0] < 1000);
        assert!(!too_soon, "{key} was written at {tried:?}");
        let is_rewritten = key.ends_with("/index/head.json") || key.ends_with("/broadcast.json");
        assert!(is_rewritten || tried.len() == 1, "{key} was written {} times", tried.len());
    }
    assert_eq!(parts(&worker, "show", "video-0").len(), 120);
    assert_eq!(parts(&worker, "show", "audio-1").len(), 120);
    let checkpoints = |track: &str| {
        let head = |key: &&String| key.ends_with(&format!("/{track}/index/head.json"));
        inside.writes.keys().filter(head).count()
    };
    assert_eq!((checkpoints("video-0"), checkpoints("audio-1")), (1, 1));
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn what_is_stored_already_is_acknowledged_and_not_written_again() {
    let worker = Worker::start();
    let [video, _] = tracks(20);
    video.push_header(&worker, "two");
    for number in 1..=3 {
        // Two encoders at once.
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| video.push(&worker, "two", number));
            }
        });
    }
    let of_two = parts(&worker, "two", "video-0");
    assert_eq!(of_two.len(), 12);

    // Another writer was there first, with the same.
    video.push_header(&worker, "one");
    video.push(&worker, "one", 1);
    let of_one = parts(&worker, "one", "video-0");
    let (folder, _) = of_one[0].0.key.rsplit_once('/').unwrap();
    let place = |index: usize| {
        let (_, file) = of_two[index].0.key.rsplit_once('/').unwrap();
        format!("{folder}/{file}")
    };
    let (same, other) = (place(4), place(8));
    worker.store(None, [(same.clone(), of_two[4].0.meta.as_str(), &of_two[4].1[..])]);
    video.push(&worker, "one", 2);
    let there = parts(&worker, "one", "video-0").into_iter().find(|(object, _)| object.key == same).unwrap();
    assert_eq!((&there.0.meta, &there.1), (&of_two[4].0.meta, &of_two[4].1));

    // And with something else.
    worker.store(None, [(other.clone(), of_two[9].0.meta.as_str(), &of_two[9].1[..])]);
    let body = video.chunks(3).collect::<Vec<_>>().concat();
    let answer = put(&worker.url(&video.segment_path("one", 3)), &body).unwrap();
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(worker.stored(&other) == of_two[9].1, "what was published has changed");

    let inside = worker.inside(usize::MAX);
    for (key, tried) in inside.writes.iter().filter(|(key, _)| key.ends_with(".m4s")) {
        assert_eq!(tried.len(), 1, "{key} was written {} times", tried.len());
    }
    assert!(inside.refused.is_empty(), "{:?}", inside.refused);
}

#[test]
#[ignore = "needs the Worker and workerd: cargo xtask test"]
fn ranges_of_media_are_served_and_past_the_end_is_416() {
    let worker = Worker::start();
    let [video, _] = tracks(20);
    video.push_header(&worker, "show");
    for number in 1..=3 {
        video.push(&worker, "show", number);
    }
    let segment = video.chunks(1).collect::<Vec<_>>().concat();
    let part = parts(&worker, "show", "video-0")[1].0.key.clone();
    let header = part.rsplit_once('/').map(|(folder, _)| format!("{folder}/init.mp4")).unwrap();
    let playlist = video_playlist(&worker, "show");
    let media = [
        (segment_url(&playlist, 1), segment),
        (worker.url(&format!("/{part}")), video.chunks(1).nth(1).unwrap()),
        (worker.url(&format!("/{header}")), video.source.header.to_vec()),
    ];
    for (url, body) in &media {
        let ask = |range: &str| request("GET", url, &[("Range", range)], &[]).unwrap();
        let size = body.len();
        for (first, last) in [(0, 0), (2, size - 3), (size / 2, size - 1)] {
            let answer = ask(&format!("bytes={first}-{last}"));
            assert_eq!(answer.status, 206, "{url}");
            assert!(answer.body == body[first..=last], "{url}, {first} to {last}");
            let range = answer.headers.get("content-range").cloned();
            assert_eq!(range, Some(format!("bytes {first}-{last}/{size}")));
        }
        assert!(ask("bytes=-5").body == body[size - 5..], "{url}");
        for range in [format!("bytes={size}-"), format!("bytes={}-{}", size + 10, size + 20)] {
            let answer = ask(&range);
            assert_eq!(answer.status, 416, "{url}, {range}");
            assert_eq!(answer.headers.get("content-range"), Some(&format!("bytes */{size}")));
        }
        assert_eq!(get(url).unwrap().body, *body);
    }
}
