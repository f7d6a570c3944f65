//! Every error that can happen behind the bearer, through both doors: the same words, the same
//! effect on Discord, the same record.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::discord::seed::{
    BOT_MESSAGE, DM, GENERAL, HIDDEN, OTHER_GUILD, QUIET, SYSTEM_MESSAGE,
};
use crate::support::discord::{Fault, On};
use crate::support::mcp::{LEGACY, MODERN, error_text};
use crate::support::{App, Mcp, take_nonce, tokens};

const SEARCH: On = On::Route("GET /guilds/{guild_id}/messages/search");
/// Of the right shape, and of a bot that Discord does not know.
const STALE_TOKEN: &str =
    "MTE4MDAwMDAwMDAwMDAwMDA3Nw.GFaKe9.reset-since-then-000000000000000000000";

/// A call that fails, and how.
#[derive(Clone)]
pub struct Case {
    pub code: &'static str,
    pub tool: &'static str,
    pub params: Value,
    claims: Value,
    fault: Option<(On, Fault)>,
    variables: &'static [(&'static str, &'static str)],
}

pub fn case(code: &'static str, tool: &'static str, params: Value) -> Case {
    Case {
        code,
        tool,
        params,
        claims: json!({}),
        fault: None,
        variables: &[],
    }
}

impl Case {
    fn fault(mut self, on: On, fault: Fault) -> Self {
        self.fault = Some((on, fault));
        self
    }

    fn claims(mut self, claims: Value) -> Self {
        self.claims = claims;
        self
    }

    fn variables(mut self, variables: &'static [(&'static str, &'static str)]) -> Self {
        self.variables = variables;
        self
    }

    /// A server of its own, before which the failure is prepared, and the token to call it with.
    pub async fn stage(&self) -> (App, String) {
        let app = App::with(self.variables).await;
        if let Some((on, fault)) = &self.fault {
            app.discord.fault(*on, usize::MAX, fault.clone());
        }
        (app, tokens::token_with(self.claims.clone()))
    }
}

/// The failures that are a tool's, in the order of the README's table.
pub fn cases() -> Vec<Case> {
    let get = |channel: &str| case("", "get_messages", json!({"channel_id": channel}));
    let coded = |code, case: Case| Case { code, ..case };
    let send = |code, params: Value| case(code, "send_message", params);
    let hi = |channel: &str| json!({"channel_id": channel, "message": "hi"});
    let delete = |id: &str| json!({"channel_id": GENERAL, "message_id": id});
    let index = json!({"channel_id": GENERAL, "query": "sensor", "mode": "index"});
    let error = |status, code| Fault::Error {
        status,
        code,
        message: "said by @someone, not by us",
    };
    let limited = |retry_after| Fault::RateLimited {
        retry_after,
        scope: "user",
    };
    // Long enough for a request to leave although sixty servers start at once.
    let deadline: &[_] = &[("CALL_DEADLINE", "2s")];
    vec![
        coded("missing_discord_token", get(GENERAL)).claims(json!({"discord_token": null})),
        coded("discord_token_rejected", get(GENERAL)).claims(json!({"discord_token": STALE_TOKEN})),
        coded("discord_token_rejected", get(GENERAL)).claims(json!({"discord_token": "Bearer x"})),
        coded("not_allowed", get(GENERAL)).claims(json!({"channels": [QUIET]})),
        coded("not_allowed", get(GENERAL)).claims(json!({"guilds": [OTHER_GUILD]})),
        send("not_allowed", hi(GENERAL)).claims(json!({"guilds": [OTHER_GUILD]})),
        send("missing_permission", hi(QUIET)),
        coded("missing_permission", get(HIDDEN)),
        case(
            "unknown_channel",
            "get_channel_info",
            json!({"channel_id": "1"}),
        ),
        send(
            "unknown_message",
            json!({"channel_id": GENERAL, "message": "hi", "reply_to": SYSTEM_MESSAGE}),
        ),
        case("unknown_message", "moderate_content", delete("1")),
        case("unknown_guild", "search_messages", index.clone()).fault(SEARCH, error(404, 10004)),
        send("invalid_params", json!({})),
        send(
            "invalid_params",
            json!({"channel_id": GENERAL, "message": "x".repeat(2001)}),
        ),
        send(
            "invalid_params",
            json!({"channel_id": GENERAL, "mesage": "hi", "message": "hi"}),
        ),
        case(
            "invalid_params",
            "get_channel_info",
            json!({"channel_id": 1_234_567_890_123_456_789_u64}),
        ),
        case(
            "invalid_params",
            "moderate_content",
            json!({"channel_id": DM, "message_id": "1568007047683899395"}),
        ),
        coded("rate_limited", get(GENERAL)).fault(On::Any, limited(31.5)),
        send("rate_limited", hi(GENERAL)).fault(On::Any, limited(64.57)),
        coded("discord_error", get(GENERAL)).fault(On::Any, Fault::Html(503)),
        coded("discord_error", get(GENERAL)).fault(On::Any, Fault::Html(403)),
        coded("discord_error", get(GENERAL)).fault(On::Any, Fault::BadJson),
        send("discord_error", hi(GENERAL)).fault(On::Any, Fault::CutBefore),
        send("discord_error", hi(GENERAL)).variables(&[("DISCORD_API_BASE", "http://127.0.0.1:1")]),
        case("discord_error", "search_messages", index).fault(SEARCH, error(500, 0)),
        coded("discord_timeout", get(GENERAL))
            .fault(On::Any, Fault::Hang)
            .variables(deadline),
        send("discord_timeout", hi(GENERAL))
            .fault(On::Any, Fault::Hang)
            .variables(deadline),
        case("discord_timeout", "moderate_content", delete(BOT_MESSAGE))
            .fault(On::Any, Fault::Hang)
            .variables(deadline),
        send("audit_unavailable", hi(GENERAL)).variables(&[("AUDIT_LOG", "/dev/full")]),
        coded("audit_unavailable", get(GENERAL)).variables(&[("AUDIT_LOG", "/dev/full")]),
    ]
}

/// An error of the REST door as the text of a tool's result.
fn as_text(error: &Value) -> String {
    let part = |name: &str| error[name].as_str().unwrap();
    let mut text = format!("{}: {}", part("code"), part("message"));
    if error.get("hint").is_some() {
        text += &format!("\nhint: {}", part("hint"));
    }
    if let Some(wait) = error["retry_after"].as_f64() {
        text += &format!("\nretry_after: {wait} seconds");
    }
    text
}

/// The audit log without what differs from call to call, and which door each line names.
fn recorded(app: &App) -> (Vec<Value>, Vec<Value>) {
    if app.audit_log.starts_with("/dev") {
        return Default::default();
    }
    let mut lines = app.audit();
    let mut doors = Vec::new();
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        doors.push(line.remove("door").unwrap());
        for name in ["ts", "call_id", "request_id", "duration_ms"] {
            line.remove(name);
        }
    }
    (lines, doors)
}

/// What reached Discord, with what. The nonce is left out: no two calls have the same, and
/// all attempts of a call do.
fn sent(app: &App) -> Vec<(String, String, Value)> {
    let requests = app.discord.requests();
    let mut nonces = BTreeSet::new();
    let each = |seen: &crate::support::discord::Seen| {
        let mut body = serde_json::from_slice(&seen.body).unwrap_or_default();
        if seen.method == "POST" {
            nonces.insert(take_nonce(&mut body));
        }
        (
            seen.method.clone(),
            format!("{}?{}", seen.path, seen.raw_query),
            body,
        )
    };
    let sent = requests.iter().map(each).collect();
    assert!(nonces.len() <= 1, "{nonces:?}");
    sent
}

/// After both calls: the same was sent and recorded, under another door.
pub fn assert_same(case: &Case, rest: &App, mcp: &App) {
    assert_eq!(sent(rest), sent(mcp), "{} {}", case.code, case.tool);
    let ((lines, doors), (mcp_lines, mcp_doors)) = (recorded(rest), recorded(mcp));
    assert_eq!(lines, mcp_lines, "{} {}", case.code, case.tool);
    assert!(doors.iter().all(|door| door == "rest"));
    assert!(mcp_doors.iter().all(|door| door == "mcp"));
    if let Some(outcome) = mcp_lines.last() {
        assert_eq!(outcome["stage"], "outcome");
        assert_eq!(outcome["status"], case.code);
        assert_eq!(outcome["success"], false);
        assert_eq!(outcome["tool"], case.tool);
        assert_eq!(outcome["params"], case.params);
    }
}

async fn through_both_doors(case: &Case, version: &'static str) {
    let (rest, token) = case.stage().await;
    let expected = rest.invoke_as(&token, case.tool, case.params.clone()).await;
    assert_eq!(expected.code(), case.code, "{}", expected.text);
    let (mcp, token) = case.stage().await;
    let client = Mcp::legacy(&mcp, version).token(&token);
    let answer = client.call(case.tool, case.params.clone()).await;
    assert_eq!(error_text(&answer), as_text(&expected.body["error"]));
    assert_eq!(answer.header("www-authenticate"), None);
    assert_same(case, &rest, &mcp);
}

#[tokio::test]
async fn a_failure_reads_does_and_leaves_the_same_through_both_doors() {
    let all = cases();
    let runs = all.iter().map(|case| through_both_doors(case, MODERN));
    futures_util::future::join_all(runs).await;
}

#[tokio::test]
async fn a_failure_is_the_same_in_the_era_before() {
    let all = cases();
    let runs = all
        .iter()
        .step_by(3)
        .map(|case| through_both_doors(case, LEGACY[2]));
    futures_util::future::join_all(runs).await;
}
