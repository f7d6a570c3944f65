//! `moderate_content` where not all of it works: what is told of each message is true.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::support::discord::seed::{
    ALICE, ARCHIVED_THREAD, BOT_TOKEN, BOT_USER, DM, HIDDEN, QUIET, VOICE,
};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App};

const DELETE: On = On::Route("DELETE /channels/{channel_id}/messages/{message_id}");
const BULK: On = On::Route("POST /channels/{channel_id}/messages/bulk-delete");
const NOT_TRIED: &str = "Not tried, after the failures before it";
const NOTICE: &str = "`message_id` is one of Discord's own notices, which cannot be deleted";
const PERMISSION: &str =
    "Bot doesn't have permission to delete messages of others in this channel: MANAGE_MESSAGES";

async fn moderate(app: &App, channel: &str, ids: &[String]) -> Answer {
    let params = json!({"channel_id": channel, "message_ids": ids});
    app.invoke("moderate_content", params).await
}

fn young(app: &App, channel: &str, author: &str, count: usize) -> Vec<String> {
    app.discord.with(|world| {
        (0..count)
            .map(|_| world.post(channel, author, "x"))
            .collect()
    })
}

/// Messages too old for a bulk delete, a second apart, oldest first.
fn old(app: &App, authors: &[&str]) -> Vec<String> {
    let mut at = OffsetDateTime::now_utc() - Duration::days(15);
    app.discord.with(|world| {
        let mut post = |author: &&str| {
            at += Duration::seconds(1);
            world.post_at(VOICE, author, "x", at)
        };
        authors.iter().map(&mut post).collect()
    })
}

/// How many requests of each method there were.
fn count(app: &App, method: &str) -> usize {
    let requests = app.discord.requests();
    requests.iter().filter(|seen| seen.method == method).count()
}

fn failure(id: &str, code: &str, message: &str) -> Value {
    json!({"id": id, "code": code, "message": message})
}

#[tokio::test]
async fn a_notice_of_discord_stays_and_the_rest_goes() {
    let app = App::start().await;
    let ids = young(&app, VOICE, ALICE, 3);
    app.discord.with(|world| {
        world.message_mut(VOICE, &ids[1]).set(json!({"type": 4}));
    });
    let answer = moderate(&app, VOICE, &ids).await;
    let expected = json!({
        "deleted": [ids[0], ids[2]],
        "failed": [failure(&ids[1], "invalid_params", NOTICE)],
    });
    assert_eq!(*answer.result(), expected);
    let line = app.audit().last().unwrap().clone();
    assert_eq!(line["message_ids"], json!([ids[0], ids[2]]));

    let answer = moderate(&app, VOICE, &ids[1..2]).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (
            422,
            &json!({
                "code": "invalid_params",
                "message": NOTICE,
                "discord": {"status": 403, "code": 50021},
            })
        )
    );
}

#[tokio::test]
async fn without_the_permission_the_bots_own_messages_still_go() {
    let app = App::start().await;
    let (others, own) = (
        young(&app, QUIET, ALICE, 2),
        young(&app, QUIET, BOT_USER, 2),
    );
    let ids = [others.clone(), own.clone()].concat();
    let answer = moderate(&app, QUIET, &ids).await;
    let result = answer.result();
    assert_eq!(result["deleted"], json!(own));
    let mut failed = result["failed"].as_array().unwrap().clone();
    failed.sort_by_key(|failure| failure["id"].as_str().unwrap().to_owned());
    let expected = others.map_failures("missing_permission", PERMISSION);
    assert_eq!(failed, expected);
    assert_eq!(count(&app, "POST"), 1);
    assert_eq!(
        count(&app, "DELETE"),
        2,
        "those of others are not tried again"
    );
}

/// One failure for each id.
trait Failures {
    fn map_failures(&self, code: &str, message: &str) -> Vec<Value>;
}

impl Failures for Vec<String> {
    fn map_failures(&self, code: &str, message: &str) -> Vec<Value> {
        self.iter().map(|id| failure(id, code, message)).collect()
    }
}

#[tokio::test]
async fn without_the_permission_and_own_messages_the_call_fails() {
    let app = App::start().await;
    for ids in [young(&app, QUIET, ALICE, 1), young(&app, QUIET, ALICE, 3)] {
        let answer = moderate(&app, QUIET, &ids).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (
                403,
                &json!({
                    "code": "missing_permission",
                    "message": PERMISSION,
                    "hint": "Give the bot's role this permission in the server's settings, and look at the channel's own overrides.",
                    "discord": {"status": 403, "code": 50013},
                })
            )
        );
    }
    assert!(app.discord.with(|world| world.deletions.is_empty()));
}

#[tokio::test]
async fn single_deletes_stop_after_five_refusals() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(VOICE).permissions.manage_messages = false);
    let mut authors = vec![BOT_USER];
    authors.extend([ALICE; 8]);
    let ids = old(&app, &authors);
    let answer = moderate(&app, VOICE, &ids).await;
    let mut failed = ids[1..6]
        .to_vec()
        .map_failures("missing_permission", PERMISSION);
    failed.extend(
        ids[6..]
            .to_vec()
            .map_failures("missing_permission", NOT_TRIED),
    );
    let expected = json!({"deleted": [ids[0]], "failed": failed});
    assert_eq!(*answer.result(), expected);
    assert_eq!(count(&app, "DELETE"), 6);
}

#[tokio::test]
async fn in_a_direct_message_the_bots_own_go_one_by_one() {
    let app = App::start().await;
    let own = young(&app, DM, BOT_USER, 3);
    let answer = moderate(&app, DM, &own).await;
    assert_eq!(*answer.result(), json!({"deleted": own}));
    assert_eq!(count(&app, "DELETE"), 3);
    let bulk = app
        .discord
        .with(|world| world.deletions.iter().any(|d| d.bulk));
    assert!(!bulk);

    let (theirs, own) = (young(&app, DM, ALICE, 1), young(&app, DM, BOT_USER, 1));
    let answer = moderate(&app, DM, &[theirs.clone(), own.clone()].concat()).await;
    let text = "`channel_id` is a direct message, where Discord does not allow this";
    let expected = json!({
        "deleted": own,
        "failed": [failure(&theirs[0], "invalid_params", text)],
    });
    assert_eq!(*answer.result(), expected);
}

/// Each refusal with status 403 counts against the host's address, whatever its code.
#[tokio::test]
async fn refusals_in_a_direct_message_stop_like_any_other() {
    let app = App::start().await;
    let theirs = young(&app, DM, ALICE, 20);
    let answer = moderate(&app, DM, &theirs).await;
    assert_eq!((answer.status, answer.code()), (422, "invalid_params"));
    assert!(count(&app, "DELETE") <= 5, "{}", count(&app, "DELETE"));
}

#[tokio::test]
async fn a_rate_limit_in_the_middle_that_does_not_fit_stops_and_tells_the_rest_as_not_tried() {
    let app = App::start().await;
    let ids = old(&app, &[ALICE; 5]);
    app.discord.fault(DELETE, 2, Fault::Headers(Vec::new()));
    let limit = Fault::RateLimited {
        retry_after: 62.0,
        scope: "user",
    };
    app.discord.fault(DELETE, 1, limit);
    let answer = moderate(&app, VOICE, &ids).await;
    let expected = json!({
        "deleted": [ids[0], ids[1]],
        "failed": [
            failure(&ids[2], "rate_limited", "Discord asks for a pause"),
            failure(&ids[3], "rate_limited", NOT_TRIED),
            failure(&ids[4], "rate_limited", NOT_TRIED),
        ],
    });
    assert_eq!(*answer.result(), expected);
    assert_eq!(count(&app, "DELETE"), 3);
}

#[tokio::test]
async fn a_rate_limit_at_the_start_that_does_not_fit_is_the_answer() {
    let app = App::start().await;
    for (route, ids) in [
        (DELETE, old(&app, &[ALICE; 3])),
        (BULK, young(&app, VOICE, ALICE, 3)),
    ] {
        let limit = Fault::RateLimited {
            retry_after: 62.5,
            scope: "shared",
        };
        app.discord.fault(route, 1, limit);
        let answer = moderate(&app, VOICE, &ids).await;
        assert_eq!((answer.status, answer.code()), (429, "rate_limited"));
        assert_eq!(answer.body["error"]["retry_after"], 62.5);
        assert_eq!(answer.header("retry-after"), Some("63"));
    }
    assert_eq!((count(&app, "DELETE"), count(&app, "POST")), (1, 1));
    assert!(app.discord.with(|world| world.deletions.is_empty()));
}

#[tokio::test]
async fn a_deadline_in_the_middle_tells_what_is_unknown_and_what_was_not_tried() {
    let app = App::with(&[("CALL_DEADLINE", "1s")]).await;
    let ids = old(&app, &[ALICE; 4]);
    app.discord.fault(DELETE, 2, Fault::Headers(Vec::new()));
    app.discord.fault(DELETE, usize::MAX, Fault::Hang);
    let answer = moderate(&app, VOICE, &ids).await;
    let unknown = "Discord did not answer in time; whether the change was made is unknown";
    let expected = json!({
        "deleted": [ids[0], ids[1]],
        "failed": [
            failure(&ids[2], "discord_timeout", unknown),
            failure(&ids[3], "discord_timeout", NOT_TRIED),
        ],
    });
    assert_eq!(*answer.result(), expected);
    assert_eq!(count(&app, "DELETE"), 3);
    let line = app.audit().last().unwrap().clone();
    assert_eq!(line["message_ids"], json!([ids[0], ids[1]]));
}

#[tokio::test]
async fn a_bulk_delete_without_an_answer_may_have_happened_and_says_so() {
    for (fault, deadline, status, code, requests) in [
        (Fault::CutAfter, "30s", 502, "discord_error", 3),
        (Fault::Hang, "1s", 504, "discord_timeout", 1),
    ] {
        let app = App::with(&[("CALL_DEADLINE", deadline)]).await;
        let ids = young(&app, VOICE, ALICE, 2);
        app.discord.fault(BULK, usize::MAX, fault);
        let answer = moderate(&app, VOICE, &ids).await;
        assert_eq!((answer.status, answer.code()), (status, code));
        let says = answer
            .message()
            .ends_with("whether the change was made is unknown");
        assert!(says, "{}", answer.message());
        assert_eq!(count(&app, "POST"), requests);
    }
}

#[tokio::test]
async fn a_failure_of_discord_costs_one_message_and_the_rest_goes_on() {
    let app = App::start().await;
    let ids = old(&app, &[ALICE; 3]);
    app.discord.fault(DELETE, 1, Fault::Headers(Vec::new()));
    app.discord.fault(DELETE, 3, Fault::Html(502));
    let answer = moderate(&app, VOICE, &ids).await;
    let expected = json!({
        "deleted": [ids[0], ids[2]],
        "failed": [failure(&ids[1], "discord_error", "Discord failed")],
    });
    assert_eq!(*answer.result(), expected);
    assert_eq!(count(&app, "DELETE"), 5);
}

#[tokio::test]
async fn messages_that_aged_meanwhile_go_one_by_one() {
    let app = App::start().await;
    let ids = young(&app, VOICE, ALICE, 3);
    let aged = Fault::Error {
        status: 400,
        code: 50034,
        message: "You can only bulk delete messages that are under 14 days old.",
    };
    app.discord.fault(BULK, 1, aged);
    let answer = moderate(&app, VOICE, &ids).await;
    assert_eq!(*answer.result(), json!({"deleted": ids}));
    assert_eq!(count(&app, "DELETE"), 3);
}

#[tokio::test]
async fn what_stops_one_stops_all() {
    let app = App::start().await;
    let see = "Bot doesn't have permission to see this channel: VIEW_CHANNEL";
    let unknown = "Discord knows no channel with this id, or the bot is not in its server";
    let archived = "`channel_id` is an archived thread that cannot be written to";
    let ids = vec!["1559234190770307075".to_owned()];
    let missing: Vec<_> = (1..=9).map(|id| id.to_string()).collect();
    let table = [
        ("1", &missing, 404, "unknown_channel", unknown, 1),
        (HIDDEN, &missing, 403, "missing_permission", see, 1),
        (ARCHIVED_THREAD, &ids, 422, "invalid_params", archived, 1),
    ];
    for (channel, ids, status, code, message, requests) in table {
        app.discord.clear_requests();
        let answer = moderate(&app, channel, ids).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (status, code, message)
        );
        assert_eq!(app.discord.requests().len(), requests, "{channel}");
    }

    app.discord.clear_requests();
    app.discord.with(|world| world.tokens.remove(BOT_TOKEN));
    let answer = moderate(&app, VOICE, &missing).await;
    assert_eq!(
        (answer.status, answer.code()),
        (401, "discord_token_rejected")
    );
    assert_eq!(app.discord.requests().len(), 1);
}
