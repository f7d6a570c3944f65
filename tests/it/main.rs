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
mod attacks;
mod attacks_algorithms;
mod attacks_bits;
mod attacks_carriers;
mod attacks_claims;
mod attacks_headers;
mod attacks_sealed;
mod attacks_seals;
mod attacks_texts;
mod attacks_times;
mod audit;
mod audit_lines;
mod audit_trail;
mod auth;
mod bad_bodies;
mod bad_ids;
mod bad_input;
mod cached_bearers;
mod canary;
mod citizen_audit;
mod citizen_buckets;
mod citizen_callers;
mod citizen_edge;
mod citizen_headers;
mod citizen_nonce;
mod citizen_overload;
mod citizen_retries;
mod citizen_tokens;
mod citizen_waits;
mod config;
mod cors;
mod deploy;
mod deploy_metrics;
mod discord_answers;
mod discord_client;
mod discord_fails;
mod discord_limits;
mod discord_refuses;
mod envelope;
mod errors;
mod get_channel_info;
mod get_messages;
mod healthcheck;
mod hosts;
mod inspect_token;
mod inspect_token_secrets;
mod inspect_token_verdict;
mod key_commands;
mod key_promotion;
mod key_reload;
mod key_rotation;
mod keys;
mod leniency;
mod leniency_pages;
mod limits;
mod limits_doors;
mod limits_look_up;
mod limits_read_only;
mod mcp_completions;
mod mcp_confirm;
mod mcp_errors;
mod mcp_inputs;
mod mcp_isolation;
mod mcp_malformed;
mod mcp_progress;
mod mcp_prompts;
mod mcp_protocol;
mod mcp_refusals;
mod mcp_resources;
mod mcp_schemas;
mod mcp_state;
mod mcp_stdio;
mod mcp_stdio_life;
mod mcp_tools;
mod mcp_unasked;
mod mcp_versions;
mod messages;
mod metrics;
mod mint_sources;
mod mint_token;
mod moderate_content;
mod moderate_dry_run;
mod moderate_failures;
mod moderate_params;
mod pages;
mod properties;
mod provider;
mod provider_claim;
mod provider_config;
mod provider_down;
mod provider_fetch;
mod provider_keys;
mod proxy;
mod readme;
mod request_log;
mod revocation;
mod revocation_file;
mod revoke;
mod sealing;
mod sealing_hides;
mod sealing_keys;
mod search_fallback;
mod search_forum;
mod search_forum_index;
mod search_forum_pages;
mod search_index;
mod search_messages;
mod search_scan;
mod search_short;
mod send_message;
mod send_outcomes;
mod send_refusals;
mod send_split;
mod server_connections;
mod server_drain;
mod server_tls;
mod stand_in;
mod support;
mod tidy;
mod trusted_proxies;
mod well_known;
