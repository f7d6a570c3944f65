//! The one test binary: everything through the doors, against the stand-in for Discord.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may stop where it stands"
)]

mod access;
mod audit;
mod audit_lines;
mod auth;
mod bad_bodies;
mod bad_ids;
mod bad_input;
mod canary;
mod config;
mod discord_fails;
mod discord_limits;
mod discord_refuses;
mod envelope;
mod errors;
mod forgeries;
mod keys;
mod readme;
mod support;
mod tidy;
