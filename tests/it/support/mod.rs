//! What the tests share: a running server ([`app`]), the stand-in for Discord ([`discord`]),
//! tokens, good ([`tokens`]) and made up ([`forge`], [`jwe`]), calls of every tool ([`calls`]), an MCP
//! client ([`mcp`]), a server in a process of its own ([`served`]), clients that leave requests half
//! done ([`raw`]), an identity provider ([`provider`]), a proxy before Discord ([`proxy`]), what the
//! tools ask of Discord ([`operations`]), the metrics that there are ([`metrics`]), and what failures
//! look like ([`expect`]).
//!
//! ```ignore
//! let app = App::start().await;
//! let answer = app.invoke("get_channel_info", json!({"channel_id": GENERAL})).await;
//! assert_eq!(answer.status, 200);
//! assert_eq!(answer.body["result"]["name"], "general");
//! assert_eq!(app.discord.requests().len(), 1);
//! assert_eq!(app.audit().last().unwrap()["status"], "ok");
//! ```

pub mod app;
pub mod calls;
pub mod discord;
pub mod expect;
pub mod forge;
pub mod jwe;
pub mod key_files;
pub mod mcp;
pub mod metrics;
pub mod operations;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod raw;
pub mod served;
pub mod stdio;
pub mod tokens;

pub use app::{Answer, App, router_to};
pub use expect::{assert_failure, take_nonce, until};
pub use mcp::Mcp;
