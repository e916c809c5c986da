//! What an operator is shown of a broadcast: all but the hashes of its keys.

use serde_json::{Map, Value, json};

use super::command::NewKey;
use crate::ingest::Settings;
use crate::log::event::USUAL_MARGIN_S;
use crate::log::{BroadcastName, BroadcastRecord, record};
use crate::time::WallMs;

/// The document, with what is usual where it says nothing.
pub fn shown(name: &BroadcastName, record: &BroadcastRecord, now: WallMs) -> Value {
    let mut shown: Map<String, Value> =
        record::from_json(record::to_json(record).as_bytes()).unwrap_or_default();
    // What encoders say of tracks is shown to viewers.
    shown.remove("described");
    let keys = record.event.keys.iter().map(|key| {
        let mut shown = json!({"id": key.id, "created": key.created.to_string()});
        if let (Some(until), Some(shown)) = (key.until, shown.as_object_mut()) {
            shown.insert("until".to_owned(), until.to_string().into());
        }
        shown
    });
    shown.insert("keys".to_owned(), keys.collect());
    let usual = [
        ("recording", Value::Bool(true)),
        ("early_s", USUAL_MARGIN_S.into()),
        ("late_s", USUAL_MARGIN_S.into()),
    ];
    for (field, usual) in usual.into_iter().filter(|_| record.event.clip.is_none()) {
        shown.entry(field).or_insert(usual);
    }
    shown.insert("name".to_owned(), name.as_str().into());
    shown.insert("state".to_owned(), record.event.phase(now).as_str().into());
    Value::Object(shown)
}

/// A deployment, as it is told of: where it is, and how it cuts what nothing else is said of.
#[derive(Debug, Clone)]
pub struct Deployment {
    watch: String,
    ingest: String,
    settings: Settings,
}

impl Deployment {
    /// One that is pushed to at `{origin}/ingest/` and watched at `{origin}/`. What cannot be an origin is not repeated:
    /// it would end up in commands that somebody runs.
    pub fn new(origin: &str, settings: &Settings) -> Self {
        let origin = if is_origin(origin) { origin.trim_end_matches('/') } else { "https://HOST" };
        Self { watch: origin.to_owned(), ingest: origin.to_owned(), settings: *settings }
    }

    /// With ingest elsewhere, at `{origin}/ingest/`.
    #[must_use]
    pub fn with_ingest(mut self, origin: &str) -> Self {
        if is_origin(origin) {
            origin.trim_end_matches('/').clone_into(&mut self.ingest);
        }
        self
    }

    /// Where a broadcast is watched.
    pub fn watch(&self, name: &BroadcastName) -> Value {
        let watch = &self.watch;
        json!({
            "page": format!("{watch}/{name}/"),
            "hls": format!("{watch}/{name}/index.m3u8"),
            "dash": format!("{watch}/{name}/manifest.mpd"),
        })
    }

    /// How a broadcast is pushed to, with a key that was just made.
    pub fn push(&self, name: &BroadcastName, record: &BroadcastRecord, key: &NewKey) -> Value {
        let (ingest, secret) = (&self.ingest, &key.secret);
        let Settings { segment_ms, part_ms, .. } = self.settings.of(&record.event.cut);
        let (segment, part) = (seconds(segment_ms), seconds(part_ms));
        let (scheme, host) = ingest.split_once("://").unwrap_or(("https", ingest));
        let push =
            |input: &str| format!("rimcast push --to {ingest}/ingest/{name} --key {secret} --input {input}");
        json!({
            "url": format!("{ingest}/ingest/{name}"),
            "ffmpeg": format!(
                "ffmpeg -re -i INPUT -map 0:v -map 0:a -c:v libx264 -preset veryfast -sc_threshold 0 -force_key_frames \
                 'expr:gte(t,n_forced*{segment})' -c:a aac -f dash -ldash 1 -streaming 1 -seg_duration {segment} \
                 -frag_type duration -frag_duration {part} -use_template 1 -use_timeline 0 -method PUT \
                 -http_persistent 1 '{scheme}://any:{secret}@{host}/ingest/{name}/manifest.mpd'"
            ),
            "rimcast": push("INPUT"),
            "obs": {
                "run": push("rtmp://0.0.0.0:1935/live"),
                "settings": format!(
                    "Stream: Service Custom, Server rtmp://THAT-MACHINE:1935/live, no stream key; Output, Advanced: \
                     Keyframe Interval {segment} s"
                ),
            },
        })
    }
}

/// `https://host:port`, in letters that mean nothing to a shell.
fn is_origin(origin: &str) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    host.map(|host| host.trim_end_matches('/')).is_some_and(|host| {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        !host.is_empty() && host.len() <= 255 && host.bytes().all(is_plain)
    })
}

fn seconds(ms: u32) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_made_for_where_it_is_and_how_it_is_cut() {
        let name = BroadcastName::parse("cup").unwrap();
        let json = br#"{"generation":"g","segment_ms":4000,"part_ms":250}"#;
        let record: BroadcastRecord = record::from_json(json).unwrap();
        let key = NewKey { id: "1".to_owned(), secret: "abc".to_owned() };
        let deployment = Deployment::new("http://127.0.0.1:8080/", &Settings::default());
        let push = deployment.push(&name, &record, &key);
        let ffmpeg = push["ffmpeg"].as_str().unwrap();
        assert!(ffmpeg.ends_with("'http://any:abc@127.0.0.1:8080/ingest/cup/manifest.mpd'"), "{ffmpeg}");
        assert!(ffmpeg.contains("-seg_duration 4 -frag_type duration -frag_duration 0.25 "), "{ffmpeg}");
        assert_eq!(deployment.watch(&name)["hls"], "http://127.0.0.1:8080/cup/index.m3u8");
        let apart = deployment.with_ingest("https://ingest.example.com");
        assert_eq!(
            apart.push(&name, &record, &key)["rimcast"],
            "rimcast push --to https://ingest.example.com/ingest/cup --key abc --input INPUT"
        );
        assert_eq!(apart.watch(&name)["page"], "http://127.0.0.1:8080/cup/");
        for hostile in ["https://a;rm -rf ~", "https://$(x)", "javascript://x", "https://", "", "https://a/b"]
        {
            let watch = Deployment::new(hostile, &Settings::default()).watch(&name);
            assert_eq!(watch["page"], "https://HOST/cup/", "{hostile}");
        }
    }
}
