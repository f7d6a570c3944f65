//! `revoke`: adds to the list of tokens that are refused.

use std::time::Duration;

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{configuration, say};
use crate::auth::Revocation;
use crate::timestamp::Timestamp;

/// The longest `sub` and `jti` that a token can have.
const NAME_LIMIT: usize = 256;

#[derive(Args)]
#[group(id = "what", required = true, multiple = false)]
struct What {
    /// The token of this id; `inspect-token`, `mint-token` and the audit trail show it
    #[arg(long, value_name = "ID", value_parser = name)]
    jti: Option<String>,
    /// All tokens of this user that were issued until now
    #[arg(long, value_name = "NAME", value_parser = name)]
    sub: Option<String>,
}

#[derive(Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    what: What,
    /// With --sub, those issued before this time (RFC 3339); may lie ahead
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "jti")]
    issued_before: Option<OffsetDateTime>,
}

pub(super) fn run(args: Revoke) -> Result<(), String> {
    let config = configuration()?;
    let now = OffsetDateTime::now_utc();
    // Tokens know whole seconds: all of this one are over when the next begins.
    let next = now.unix_timestamp() + 1;
    let before = match (args.what.sub.is_some(), args.issued_before) {
        (false, _) => None,
        (true, Some(time)) => Some(time.unix_timestamp() + i64::from(time.nanosecond() > 0)),
        (true, None) => Some(next),
    };
    let before = before
        .map(OffsetDateTime::from_unix_timestamp)
        .transpose()
        .map_err(|_| "--issued-before is out of range".to_owned())?;
    let revocation = Revocation {
        jti: args.what.jti,
        sub: args.what.sub,
        issued_before: before.map(|time| Timestamp::of(time).to_string()),
        revoked_at: Some(Timestamp::of(now).to_string()),
    };
    let path = &config.revoked_tokens;
    revocation.append(path).map_err(|error| {
        format!(
            "REVOKED_TOKENS={:?} cannot be written: {error}",
            path.display()
        )
    })?;
    let what = match (&revocation.jti, &revocation.sub, &revocation.issued_before) {
        (Some(jti), _, _) => format!("the token {jti:?}"),
        (None, Some(sub), Some(time)) => format!("every token of {sub:?} issued before {time}"),
        _ => String::new(),
    };
    say(
        std::io::stderr(),
        &format!(
            "Revoked, from the next call on: {what}\nThe list is {}; servers with another working directory need REVOKED_TOKENS to find it.\n",
            std::path::absolute(path)
                .unwrap_or_else(|_| path.clone())
                .display()
        ),
    );
    if args.issued_before.is_none() && before.is_some() {
        // What is minted after this returns is good.
        let left = (next * 1_000).saturating_sub(milliseconds(OffsetDateTime::now_utc()));
        std::thread::sleep(Duration::from_millis(left.clamp(0, 1_000).unsigned_abs()));
    }
    Ok(())
}

fn milliseconds(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1_000 + i64::from(time.millisecond())
}

fn name(text: &str) -> Result<String, String> {
    if (1..=NAME_LIMIT).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 256 bytes long".to_owned())
    }
}

fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "a time such as 2026-11-22T10:00:00Z".to_owned())
}
