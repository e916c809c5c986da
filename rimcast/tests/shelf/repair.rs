//! `rimcast repair`.

use std::fs;

use packager_core::edge::{Asked, Edge, Method, Request, Step};
use packager_core::time::WallMs;

use super::recorded::Recorded;
use super::verify::{recorded, verify};

const HEAD: &str = "show/g/video/index/head.json";

/// What a viewer who comes now is told, by an edge that knows nothing.
fn playlist(recorded: &Recorded, track: &str) -> String {
    let mut edge = Edge::new(false);
    let now = WallMs(1_900_000_000_000);
    let path = format!("/show/g/{track}/index.m3u8");
    let request = Request { method: Method::Get, path: &path, query: "" };
    for _ in 0..10_000 {
        match edge.handle(&request, Asked::at(now), now) {
            Step::Respond(response) => {
                assert_eq!(response.status, 200);
                return format!("{:?}", response.body);
            }
            Step::Fetch(fetches) => {
                for fetch in fetches {
                    let found = ingest_lambda::store::find(&recorded.store, &fetch.key, fetch.kind);
                    edge.absorb(&fetch, &recorded.runtime.block_on(found).expect("it can be read"), now);
                }
            }
            Step::Wait(_) => panic!("nothing is waited for"),
        }
    }
    panic!("an edge asks without end");
}

#[test]
fn a_checkpoint_is_made_anew_and_viewers_are_told_the_same() {
    for breaks in [
        |path: &std::path::Path| fs::remove_file(path),
        |path: &std::path::Path| fs::write(path, "{\"chain\":"),
    ] {
        let recorded = recorded();
        let before = playlist(&recorded, "video");
        breaks(&recorded.store.path_of(HEAD).unwrap()).unwrap();
        assert_eq!(verify(&recorded, &[]), [("checkpoint".to_owned(), HEAD.to_owned())]);
        // It is told first, and done when that is asked for.
        for dry in [&[][..], &["--dry-run"]] {
            let said = recorded.rimcast("repair", dry);
            assert!(
                said.succeeded && said.out.contains(HEAD) && said.out.contains("Nothing was changed"),
                "{said:?}"
            );
        }
        assert_ne!(verify(&recorded, &[]), []);
        let said = recorded.rimcast("repair", &["--yes"]);
        assert!(said.succeeded && said.out.contains("the checkpoint is written anew: done"), "{said:?}");
        assert_eq!(verify(&recorded, &[]), []);
        assert_eq!(playlist(&recorded, "video"), before);
        let said = recorded.rimcast("repair", &["--yes"]);
        assert_eq!(said.out, "there is nothing to mend\n");
    }
}

#[test]
fn tracks_are_closed_when_that_is_asked_for() {
    let recorded = recorded();
    assert!(!playlist(&recorded, "video").contains("#EXT-X-ENDLIST"));
    let said = recorded.rimcast("repair", &["--end", "--yes"]);
    assert!(said.succeeded && said.out.matches("the track is closed here: done").count() == 2, "{said:?}");
    assert!(playlist(&recorded, "video").contains("#EXT-X-ENDLIST"));
    assert_eq!(verify(&recorded, &[]), []);
}

#[test]
fn what_cannot_be_mended_is_left_alone() {
    let recorded = recorded();
    let key = recorded.damage_a_part("video");
    let damaged = fs::read(recorded.store.path_of(&key).unwrap()).unwrap();
    let said = recorded.rimcast("repair", &["--yes"]);
    assert_eq!(said.out, "there is nothing to mend\n");
    assert_eq!(fs::read(recorded.store.path_of(&key).unwrap()).unwrap(), damaged);
}
