//! Rimcast in a Cloudflare Worker.
//!
//! A request comes to the [gateway], which nothing is cached before. Encoders' go on to the
//! [ingest] object of their broadcast, or, object by object, to the [gate]; viewers', in their one spelling, through the
//! Worker's cache to the [packager]. Operators' are answered by the [api]. What is not there yet is waited for in a [waiting] object. What they all do is
//! decided in packager-core.

mod access;
mod api;
mod callee;
mod console;
mod edge;
mod gate;
mod gateway;
mod ingest;
mod isolate;
mod packager;
mod respond;
mod store;
mod waiting;
