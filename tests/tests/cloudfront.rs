//! Lambda@Edge's handler, as it is built, in Node.js, with CloudFront's events, over a real S3 server. Run by
//! `cargo xtask test`, which builds it.

use rimcast_tests::golden;
use rimcast_tests::golden::hosted::Hosted;
use rimcast_tests::live::{SeaweedFs, Worker};

#[test]
#[ignore = "needs the handler of Lambda@Edge and SeaweedFS: cargo xtask test"]
fn every_golden_case_is_answered_as_it_is_natively() {
    let only = std::env::var("GOLDEN_CASE").ok();
    let bucket = SeaweedFs::start();
    let host = Worker::cloudfront(&bucket, None);
    let mut differences = Vec::new();
    let (mut answered, mut held, mut elsewhere) = (0, 0, 0);
    for (number, folder) in golden::cases().iter().enumerate() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let mut hosted = Hosted::new(&host, &format!("case-{number}"));
        let case = golden::read(folder);
        golden::play(&case, &mut hosted).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(hosted.answered + hosted.held + hosted.elsewhere, case.requests.len(), "{name}");
        differences.extend(hosted.differences.iter().map(|what| format!("{name}, {what}")));
        (answered, held) = (answered + hosted.answered, held + hosted.held);
        elsewhere += hosted.elsewhere;
    }
    println!("{answered} answered at once, {held} held, {elsewhere} are others' to answer");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!((answered > 150 && held > 20) || only.is_some(), "{answered} answered at once, {held} held");
}
