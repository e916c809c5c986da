//! The operator's side of a broadcast: what may be done with its document, and how that is asked for and answered over
//! HTTP.
//!
//! Nothing is read or written here. A host finds out [who asks](AdminAccess) for [what](Request), reads the document,
//! has it changed ([`command`]), writes it in place of the one that was read, and [answers](Answer).

mod access;
mod answer;
pub mod clip;
pub mod command;
mod ending;
mod problem;
mod request;
mod view;

pub use access::AdminAccess;
pub use answer::{Answer, Expired, is_version};
pub use command::{Changed, NewKey};
pub use ending::Ending;
pub use problem::Problem;
pub use request::{BODY_BYTES, Request};
pub use view::{Deployment, shown};

/// Random bytes that a command may need: for a generation, a key and the key's id.
pub const RANDOM_BYTES: usize = 32;

/// What the API is, for programs: OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Most broadcasts in one answer.
pub const LISTED: usize = 100;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value};

    use super::*;
    use crate::log::{BroadcastName, BroadcastRecord, record};
    use crate::time::WallMs;

    fn properties(schema: &Value) -> BTreeSet<&str> {
        schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }

    #[test]
    fn the_description_names_every_page_and_every_field() {
        let described: Value = record::from_json(OPENAPI.as_bytes()).unwrap();
        assert_eq!(described["openapi"], "3.1.0");
        let mut requests = Vec::new();
        for (path, item) in described["paths"].as_object().unwrap() {
            let path = path.strip_prefix("/api/").unwrap().replace("{name}", "show");
            for (method, operation) in
                item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters")
            {
                let query = if operation["operationId"] == "deleteExpired" { "expired=true" } else { "" };
                let request = Request::parse(&method.to_uppercase(), &path, query).unwrap();
                let statuses = operation["responses"].as_object().unwrap();
                let has = |status: &str| statuses.contains_key(status);
                assert!(
                    has("405") && (request == Request::Document || has("401") && has("403") && has("503"))
                );
                requests.push(request);
            }
        }
        let name = BroadcastName::parse("show").unwrap();
        let all = [
            Request::Document,
            Request::List { after: None },
            Request::Create,
            Request::DeleteExpired { after: None, dry_run: false },
            Request::Show(name.clone()),
            Request::Update(name.clone()),
            Request::Delete { name: name.clone(), force: false },
            Request::End(name.clone()),
            Request::RotateKey(name.clone()),
        ];
        assert!(all.iter().all(|request| requests.contains(request)) && requests.len() == all.len());

        let schemas = &described["components"]["schemas"];
        let said = properties(&schemas["Said"]);
        assert_eq!(said, command::FIELDS.into_iter().collect());
        let full = format!(
            r#"{{"generation":"g","title":"t","start":"2026-11-22T20:00:00Z","end":"2026-11-22T21:00:00Z","segment_ms":2000,
            "part_ms":500,"window_s":"all","recording":true,"retention_days":1,"early_s":1,"late_s":1,"slate":{{"tracks":["video-0"]}},"captions":"none",
            "keys":[{{"id":"1","sha256":"{:064}","created":"2026-11-22T20:00:00Z","until":"2026-11-22T21:00:00Z"}}],
            "ended":{{"at":"2026-11-22T20:30:00Z","reason":"rain"}},"tracks":{{"audio-1":{{"name":"English"}}}},
            "described":{{"audio-1":{{"language":"en"}}}}}}"#,
            0
        );
        let full: BroadcastRecord = record::from_json(full.as_bytes()).unwrap();
        let shown = shown(&name, &full, WallMs(0));
        let broadcast = &schemas["Broadcast"]["allOf"][1];
        let told: BTreeSet<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
        let mut known: BTreeSet<&str> = said.union(&properties(broadcast)).copied().collect();
        assert!(known.remove("watch"), "it is told beside the document");
        assert!(known.remove("clip"), "nothing else is said of a clip");
        assert_eq!(told, known);
        let of = |field: &str, schema: &Value| {
            let told = &shown[field];
            let told = told.get(0).unwrap_or(told).as_object().unwrap().keys().map(String::as_str);
            assert_eq!(told.collect::<BTreeSet<_>>(), properties(schema), "{field}");
        };
        of("keys", &broadcast["properties"]["keys"]["items"]);
        of("ended", &broadcast["properties"]["ended"]);
        let document = r#"{"generation":"c","title":"t","clip":{"of":"cup","generation":"g","from":"2026-11-22T20:00:00Z",
            "until":"2026-11-22T20:01:00Z"}}"#;
        let of_clip = super::shown(&name, &record::from_json(document.as_bytes()).unwrap(), WallMs(0));
        let told: Vec<&str> = of_clip.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(told, ["clip", "generation", "keys", "name", "state", "title"]);
        let told = of_clip["clip"].as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>();
        assert_eq!(told, properties(&broadcast["properties"]["clip"]));
        let create =
            &described["paths"]["/api/broadcasts"]["post"]["requestBody"]["content"]["application/json"];
        let asked = properties(&create["schema"]["allOf"][1]["properties"]["clip"]);
        assert_eq!(asked, clip::CLIP_FIELDS.into_iter().collect());
        let tracks = properties(&schemas["Said"]["properties"]["tracks"]["additionalProperties"]);
        assert_eq!(tracks, command::TRACK_FIELDS.into_iter().collect());
        for phase in ["early", "open", "over", "ended", "clip"] {
            assert!(broadcast["properties"]["state"]["enum"].as_array().unwrap().contains(&phase.into()));
        }
    }
}
