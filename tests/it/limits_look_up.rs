//! The look-up that a limit costs: of a channel that Discord does not show it tells no more than
//! that the call is not allowed, a failure of it lets nobody in, a write is recorded before it, and
//! its answer is kept for the next calls.

use std::time::Duration;

use serde_json::{Value, json};

use crate::limits::{OUR_CHANNELS, TOKEN_CHANNELS};
use crate::support::calls::{TOOLS, effective, look_ups, params};
use crate::support::discord::seed::{
    GENERAL, GUILD, HIDDEN, OTHER_BOT_TOKEN, OTHER_CHANNEL, QUIET, THREAD,
};
use crate::support::discord::{Fault, On};
use crate::support::{App, assert_failure, tokens, until};

const LOOK_UP: On = On::Route("GET /channels/{channel_id}");
/// A channel that does not exist.
const NOWHERE: &str = "7";

/// A token that reaches [`THREAD`] by its parent, which only a look-up tells.
fn narrow() -> String {
    tokens::token_with(json!({"channels": [GENERAL]}))
}

/// Whether a channel exists, or can be seen, is not for those who are told where to go.
#[tokio::test]
async fn what_discord_does_not_show_reads_like_any_other_channel() {
    for (variables, claims, message) in [
        (vec![], json!({"channels": [GENERAL]}), TOKEN_CHANNELS),
        (
            vec![],
            json!({"channels": [GENERAL], "guilds": [GUILD]}),
            TOKEN_CHANNELS,
        ),
        (vec![("ALLOWED_CHANNELS", GENERAL)], json!({}), OUR_CHANNELS),
    ] {
        let app = App::with(&variables).await;
        let token = tokens::token_with(claims);
        for channel in [HIDDEN, OTHER_CHANNEL, NOWHERE] {
            for (tool, _) in TOOLS {
                app.discord.clear_requests();
                let answer = app.invoke_as(&token, tool, params(tool, channel)).await;
                let error = json!({"code": "not_allowed", "message": message});
                assert_failure(&answer, 403, error);
                let requests = app.discord.requests().len();
                assert_eq!(requests, look_ups(&app.discord, channel), "{tool}");
                assert!(requests <= 1, "{tool}");
            }
        }
        assert!(app.discord.with(|world| world.deletions.is_empty()));
    }
}

/// Who may go anywhere in some servers is told what Discord tells of a channel that is nowhere.
#[tokio::test]
async fn under_a_limit_of_servers_alone_a_channel_that_is_not_shown_is_refused_by_discord() {
    for (variables, claims) in [
        (vec![], json!({"guilds": [GUILD]})),
        (vec![("ALLOWED_GUILDS", GUILD)], json!({})),
    ] {
        let app = App::with(&variables).await;
        let token = tokens::token_with(claims);
        for (channel, code, remembered) in [
            (HIDDEN, "missing_permission", true),
            (OTHER_CHANNEL, "missing_permission", true),
            (NOWHERE, "unknown_channel", false),
        ] {
            for (at, (tool, _)) in TOOLS.into_iter().enumerate() {
                app.discord.clear_requests();
                let answer = app.invoke_as(&token, tool, params(tool, channel)).await;
                assert_eq!(answer.code(), code, "{tool}: {}", answer.text);
                // A want of permission is believed for a while.
                let expected = usize::from(at == 0 || !remembered);
                let requests = app.discord.requests().len();
                let found = (requests, look_ups(&app.discord, channel));
                assert_eq!(found, (expected, expected), "{tool}");
            }
        }
    }
}

fn respond(status: u16, body: &str) -> Fault {
    Fault::Respond {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.as_bytes().to_vec(),
    }
}

fn error(status: u16, code: u64) -> Fault {
    Fault::Error {
        status,
        code,
        message: "said by @someone, not by us",
    }
}

#[tokio::test]
async fn a_look_up_that_fails_lets_nobody_in_and_is_not_remembered() {
    let rate_limited = Fault::RateLimited {
        retry_after: 1.5,
        scope: "user",
    };
    // What is worth trying again is asked three times. What Discord refuses stays refused for a while.
    for (fault, attempts, status, code, stays) in [
        (error(401, 0), 1, 401, "discord_token_rejected", true),
        (error(403, 50001), 1, 403, "not_allowed", true),
        (error(404, 10003), 1, 403, "not_allowed", false),
        (rate_limited, 1, 429, "rate_limited", true),
        (error(500, 0), 3, 502, "discord_error", false),
        (Fault::Html(503), 3, 502, "discord_error", false),
        (Fault::Html(403), 1, 502, "discord_error", true),
        (Fault::CutBefore, 3, 502, "discord_error", false),
        (Fault::Truncated, 3, 502, "discord_error", false),
        (Fault::BadJson, 1, 502, "discord_error", false),
        (Fault::HugeBody(10 << 20), 1, 502, "discord_error", false),
        (respond(200, "[]"), 1, 502, "discord_error", false),
        (respond(200, ""), 1, 502, "discord_error", false),
        (Fault::Hang, 1, 504, "discord_timeout", false),
    ] {
        let deadline = match code {
            "discord_timeout" => "200ms",
            "rate_limited" => "1s",
            _ => "20s",
        };
        // What the server learns of a refusal is not to answer for the next.
        for (tool, _) in TOOLS {
            let app = App::with(&[("CALL_DEADLINE", deadline)]).await;
            let call = effective(&app.discord, tool, THREAD);
            app.discord.clear_requests();
            app.discord.fault(LOOK_UP, attempts, fault.clone());
            let answer = app.invoke_as(&narrow(), tool, call).await;
            let got = (answer.status, answer.code());
            assert_eq!(got, (status, code), "{tool}: {}", answer.text);
            assert_eq!(app.discord.requests().len(), attempts, "{tool} {code}");
            assert_eq!(app.audit().pop().unwrap()["status"], code, "{tool}");
            if !stays {
                let token = narrow();
                let again = app.invoke_as(&token, "get_messages", params("", THREAD));
                again.await.result();
            }
        }
    }
}

/// Only what says by its kind that it is a thread, and of whom, is taken for one.
#[tokio::test]
async fn an_odd_answer_to_a_look_up_lets_nobody_in() {
    let odd: [fn(&mut Value); 9] = [
        |channel| channel["parent_id"] = json!(null),
        |channel| channel["parent_id"] = json!([GENERAL]),
        |channel| channel["parent_id"] = json!(""),
        |channel| channel["parent_id"] = json!("general"),
        |channel| channel["type"] = json!(null),
        |channel| channel["type"] = json!("11"),
        |channel| channel["type"] = json!(-11),
        |channel| channel["type"] = json!(0),
        |channel| {
            channel.as_object_mut().unwrap().remove("type");
        },
    ];
    for (at, rewrite) in odd.into_iter().enumerate() {
        let app = App::start().await;
        let fault = Fault::Rewrite(std::sync::Arc::new(rewrite));
        app.discord.fault(LOOK_UP, usize::MAX, fault);
        for (tool, _) in TOOLS {
            let answer = app.invoke_as(&narrow(), tool, params(tool, THREAD)).await;
            let refused = matches!(answer.code(), "not_allowed" | "discord_error");
            assert!(refused, "{at} {tool}: {}", answer.text);
        }
        let requests = app.discord.requests().len();
        assert_eq!(requests, look_ups(&app.discord, THREAD), "{at}");
    }
}

#[tokio::test]
async fn a_write_is_recorded_before_its_look_up_and_ends_as_what_it_was() {
    for tool in ["send_message", "moderate_content"] {
        let app = App::start().await;
        let params = effective(&app.discord, tool, QUIET);
        let wait = Duration::from_millis(300);
        app.discord.fault(LOOK_UP, 1, Fault::Delay(wait));
        let watching = async {
            until("the look-up is on its way", || {
                !app.discord.requests().is_empty()
            })
            .await;
            app.audit()
        };
        let token = narrow();
        let (before, answer) = tokio::join!(watching, app.invoke_as(&token, tool, params.clone()));
        assert_eq!(answer.code(), "not_allowed");
        assert_eq!(before.len(), 1, "{tool}");
        assert_eq!(before[0]["stage"], "intent", "{tool}");
        assert_eq!(before[0]["params"], params, "{tool}");
        let all = app.audit();
        assert_eq!(all.len(), 2, "{tool}");
        let line = &all[1];
        let got = json!([
            line["stage"],
            line["call_id"],
            line["success"],
            line["status"]
        ]);
        let expected = json!(["outcome", before[0]["call_id"], false, "not_allowed"]);
        assert_eq!(got, expected, "{tool}");
        assert_eq!(
            (&line["channel_id"], line.get("message_ids")),
            (&json!(QUIET), None)
        );
    }
}

#[tokio::test]
async fn where_nothing_can_be_recorded_a_write_does_not_even_look_up() {
    let app = App::with(&[("AUDIT_LOG", "/dev/full")]).await;
    for tool in ["send_message", "moderate_content"] {
        let params = effective(&app.discord, tool, THREAD);
        let answer = app.invoke_as(&narrow(), tool, params).await;
        assert_eq!((answer.status, answer.code()), (503, "audit_unavailable"));
    }
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn each_channel_is_looked_up_once_for_all_tokens() {
    let app = App::start().await;
    let claims = [
        json!({"channels": [GENERAL]}),
        json!({"guilds": [GUILD]}),
        json!({"guilds": [GUILD], "channels": [GENERAL], "sub": "another"}),
    ];
    for channel in [THREAD, QUIET] {
        for claims in &claims {
            let token = tokens::token_with(claims.clone());
            for tool in ["get_messages", "search_messages"] {
                app.invoke_as(&token, tool, params(tool, channel)).await;
            }
        }
    }
    for channel in [THREAD, QUIET] {
        let path = format!("/api/v10/channels/{channel}");
        let requests = app.discord.requests();
        let reads = requests.iter().filter(|seen| seen.path == path);
        assert_eq!(reads.count(), 1);
    }
}

/// What one bot was shown lets another bot pass a limit, and never pass Discord.
#[tokio::test]
async fn what_is_remembered_of_a_channel_under_one_bot_lets_no_other_bot_in() {
    let app = App::start().await;
    for limits in [json!({"guilds": [GUILD]}), json!({"channels": [GENERAL]})] {
        let ours = tokens::token_with(limits.clone());
        let answer = app.invoke_as(&ours, "get_messages", params("", THREAD));
        answer.await.result();
        let mut other = limits;
        other["discord_token"] = OTHER_BOT_TOKEN.into();
        let other = tokens::token_with(other);
        let answer = app.invoke_as(&other, "get_messages", params("", THREAD));
        assert_eq!(answer.await.code(), "missing_permission");
    }
}
