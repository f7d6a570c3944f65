//! Nobody gets in but with a token that was signed here: not with any bytes in any number of
//! `Authorization` headers, and not with a changed copy of a good token.
//!
//! The first byte says what the rest is: headers, a line each, or changes to a good token.
#![no_main]

mod changes;
mod stage;

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use changes::changed;
use discord_mcp_server::auth::bearer;
use libfuzzer_sys::fuzz_target;
use stage::Stage;

static STAGE: LazyLock<Stage> = LazyLock::new(Stage::set);

fuzz_target!(|data: &[u8]| {
    let (stage, [mode, rest @ ..]) = (&*STAGE, data) else {
        return;
    };
    let good = &stage.good[usize::from(mode >> 2 & 1)];
    if mode & 1 == 0 {
        enter(stage, rest.split(|&byte| byte == b'\n'));
    } else {
        let value = changed(format!("Bearer {good}").as_bytes(), rest);
        enter(stage, value.split(|&byte| byte == b'\n'));
    }
});

/// Comes in with these values of `Authorization`, as far as HTTP can carry them.
fn enter<'a>(stage: &Stage, values: impl Iterator<Item = &'a [u8]>) {
    let values = values.filter_map(|value| HeaderValue::from_bytes(value).ok());
    let headers: HeaderMap = values.map(|value| (AUTHORIZATION, value)).collect();
    if let Ok(bearer) = bearer(&headers)
        && stage.verify(bearer).is_ok()
    {
        assert!(stage.good.iter().any(|good| good == bearer));
    }
}
