//! Upload, core, store: what every host of Rimcast's ingest is made of, generic over where objects are
//! kept and what runtime there is.

#[cfg(feature = "lambda")]
pub mod function;
mod gate;
mod observer;
mod operator;
mod receive;
mod runtime;
pub mod store;
mod viewer;

pub use gate::Gate;
pub use observer::Observer;
pub use operator::{Asked, Operator};
pub use receive::{Ingest, Settings, Upload};
#[cfg(feature = "native")]
pub use runtime::Native;
pub use runtime::Runtime;
pub use viewer::{BrokenOff, Viewers};
