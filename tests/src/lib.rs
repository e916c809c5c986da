//! What Rimcast must hold to: recorded cases with exact answers, the rules of HLS as a checker, and
//! properties of random broadcasts. The packager decides and never acts, so a whole broadcast with
//! encoder, storage, several edges and a clock runs here in one thread and no time.

pub mod encoders;
pub mod fuzz_targets;
pub mod golden;
pub mod live;
pub mod long;
pub mod media;
pub mod mpd;
pub mod puts;
pub mod random;
pub mod recordings;
pub mod rules;
pub mod sim;
pub mod store;
pub mod watch;
pub mod world;
