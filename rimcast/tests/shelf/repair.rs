//! `rimcast repair`.

use packager_core::edge::{Asked, Edge, Method, Request, Step};
use packager_core::time::WallMs;

use super::recorded::{Keep, Recorded, over_folder_and_bucket};
use super::verify::{recorded, verify};

over_folder_and_bucket! {
    a_checkpoint_is_made_anew_and_viewers_are_told_the_same
    tracks_are_closed_when_that_is_asked_for
    what_cannot_be_mended_is_left_alone
}

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
                    edge.absorb(&fetch, &recorded.find(&fetch.key, fetch.kind), now);
                }
            }
            Step::Wait(_) | Step::Write(_) => panic!("nothing is waited for, or due"),
        }
    }
    panic!("an edge asks without end");
}

fn a_checkpoint_is_made_anew_and_viewers_are_told_the_same(keep: Keep) {
    for breaks in [
        |recorded: &Recorded| recorded.remove(HEAD),
        |recorded: &Recorded| recorded.change(HEAD, |_| b"{\"chain\":".to_vec()),
    ] {
        let recorded = recorded(keep);
        let before = playlist(&recorded, "video");
        breaks(&recorded);
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

fn tracks_are_closed_when_that_is_asked_for(keep: Keep) {
    let recorded = recorded(keep);
    assert!(!playlist(&recorded, "video").contains("#EXT-X-ENDLIST"));
    let said = recorded.rimcast("repair", &["--end", "--yes"]);
    assert!(said.succeeded && said.out.matches("the track is closed here: done").count() == 2, "{said:?}");
    assert!(playlist(&recorded, "video").contains("#EXT-X-ENDLIST"));
    assert_eq!(verify(&recorded, &[]), []);
}

fn what_cannot_be_mended_is_left_alone(keep: Keep) {
    let recorded = recorded(keep);
    let key = recorded.damage_a_part("video");
    let damaged = recorded.body(&key);
    let said = recorded.rimcast("repair", &["--yes"]);
    assert_eq!(said.out, "there is nothing to mend\n");
    assert_eq!(recorded.body(&key), damaged);
}
