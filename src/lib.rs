//! A server through which AI agents act on Discord: five tools behind a bearer token, an audit
//! line for every call, and one short-lived Discord client for each.
//!
//! # The map, in reading order
//! - [`config`]: the configuration, and the only reader of the environment.
//! - [`cli`]: the command line, and how the parts are put together at start.
//! - [`log`]: the server log.
//! - [`metrics`]: what is counted, and the names of it.
//! - [`server`] and [`tls`]: the accept loop; it knows no routes.
//! - [`http`]: the router, its layers, the REST door.
//! - [`mcp`]: the MCP door, over HTTP and over standard input.
//! - [`auth`]: from a bearer to a principal, from a bot token to a bearer.
//! - [`dispatch`]: find, authorise, intent, run, outcome.
//! - [`tools`]: the five tools and their table.
//! - [`discord`]: the short-lived client, Discord's forms and errors; all that knows serenity.
//! - [`audit`]: the trail, and the only writer of it.
//! - [`timestamp`]: times as text.
//! - [`error`]: the one error, and the only map to what callers read.
//!
//! # One call
//! `server` accepts a connection; `http` gives the request an id, reads its body under a cap and
//! sheds what is too much; `auth` makes a principal of the bearer, whose text ends there; the door
//! reads the name of a tool and its parameters; `dispatch` sees the call through, checks scope and
//! limits, records the intent, opens a Discord client, runs the tool under the deadline, records
//! the outcome; the door renders what came of it.
//!
//! # Invariants, each kept by a test in `tests/it/tidy.rs`
//! - Imports go one way: server → http, mcp → auth → dispatch → tools → discord, and dispatch → audit;
//!   config, error, metrics, hex, boxed and timestamp are known to all.
//! - The environment is read in `config` only. serenity is named in `discord` only. Status codes
//!   stand in `http` and `error` only. Tasks are spawned in `dispatch`, `server` and `auth` (to fetch
//!   an identity provider's keys) only.
//! - Secrets are exposed in `auth` and `discord` only; their types have no `Debug` and no
//!   `Serialize`.

pub mod audit;
pub mod auth;
mod boxed;
pub mod cli;
pub mod config;
pub mod discord;
pub mod dispatch;
pub mod error;
mod hex;
pub mod http;
pub mod log;
pub mod mcp;
pub mod metrics;
pub mod server;
pub mod timestamp;
pub mod tls;
pub mod tools;
