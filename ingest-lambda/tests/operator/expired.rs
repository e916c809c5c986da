//! What has been kept for long enough.

use super::*;

#[tokio::test]
async fn what_has_expired_is_deleted_and_nothing_else() {
    clock!();
    let world: World<Clock> = World::new();
    let day_ms = 86_400_000;
    let date = |ms: i64| packager_core::time::Date(WallMs(NOW.load(Ordering::SeqCst) + ms)).to_string();
    let scheduled = format!(r#""start":"{}","end":"{}""#, date(0), date(3_600_000));
    for (name, fields) in [
        ("a-scheduled", format!(r#","retention_days":2,{scheduled}"#)),
        ("b-ended", r#","retention_days":2"#.to_owned()),
        ("c-open", r#","retention_days":2"#.to_owned()),
        ("d-kept", format!(",{scheduled}")),
        ("e-longer", format!(r#","retention_days":3,{scheduled}"#)),
        ("f-ended", format!(r#","retention_days":2,"late_s":0,{scheduled}"#)),
    ] {
        world.done("POST", "broadcasts", &format!(r#"{{"name":"{name}"{fields}}}"#)).await;
    }
    world.done("POST", "broadcasts/b-ended/end", "").await;
    world.done("POST", "broadcasts/f-ended/end", "").await;
    // More than goes with one request.
    for number in 0..2100 {
        world.store.create(&format!("a-scheduled/g/more/s/{number:020}.m4s"), "", &[]).await.unwrap();
    }
    let ask = |query: String| {
        let world = &world;
        async move {
            let asked = Asked {
                request: Request::parse("DELETE", "broadcasts", &query).unwrap(),
                if_match: None,
                body: b"",
                random: [0; 32],
                deployment: Deployment::new("http://127.0.0.1", &Settings::default()),
            };
            let answer = world.operator.answer(&asked).await;
            let told: Value = serde_json::from_str(&answer.body).unwrap();
            let names = told["broadcasts"].as_array().unwrap().iter();
            let names: Vec<_> = names.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
            (answer.status, names, told["next"].as_str().map(str::to_owned))
        }
    };
    let dry = || ask("expired=true&dry_run=true".to_owned());
    // Ended, and two days less a millisecond.
    pass(2 * day_ms - 1);
    assert_eq!(dry().await, (200, vec![], None));
    pass(1);
    assert_eq!(dry().await, (200, vec!["b-ended".to_owned(), "f-ended".to_owned()], None));
    // Of the one with a schedule, the hours of it and after it as well.
    pass(7_200_000 - 1);
    assert_eq!(dry().await.1, ["b-ended", "f-ended"]);
    pass(1);
    assert_eq!(dry().await.1, ["a-scheduled", "b-ended", "f-ended"]);

    // One at a time; what is left of one is gone on with, whoever asks again.
    assert_eq!(ask("expired=true".to_owned()).await, (202, vec!["a-scheduled".to_owned()], None));
    assert_eq!(dry().await.1[0], "a-scheduled");
    pass(5_000);
    let (status, names, next) = ask("expired=true".to_owned()).await;
    assert_eq!((status, names, next.as_deref()), (200, vec!["a-scheduled".to_owned()], Some("a-scheduled")));
    let (_, names, next) = ask("expired=true&after=a-scheduled".to_owned()).await;
    assert_eq!((names, next.as_deref()), (vec!["b-ended".to_owned()], Some("b-ended")));
    // Somebody wants to keep the last one.
    world.done("PATCH", "broadcasts/f-ended", r#"{"retention_days":null}"#).await;
    assert_eq!(ask("expired=true&after=b-ended".to_owned()).await, (200, vec![], None));
    assert_eq!(world.store.list("").await.unwrap(), ["c-open", "d-kept", "e-longer", "f-ended"]);
    // However long it takes.
    pass(3650 * day_ms);
    assert_eq!(dry().await.1, ["e-longer"]);
}
