//! `search_messages` in forum and media channels by reading: what their posts hold is what they hold.

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ALICE, ARCHIVED_POST, CATEGORY, FORUM, GENERAL, HEADLESS_POST, MEDIA, MEDIA_POST, OLDEST_POST,
    POST, QUIET, THREAD, VOICE,
};
use crate::support::discord::{Fault, On};
use crate::support::mcp::text;
use crate::support::{Answer, App, Mcp, tokens};

const LIST: On = On::Route("GET /channels/{channel_id}/messages");
const ACTIVE: On = On::Route("GET /guilds/{guild_id}/threads/active");
const ARCHIVED: On = On::Route("GET /channels/{channel_id}/threads/archived/public");

/// Everything in [`FORUM`], newest first, and the post it stands in.
const ALL: [(&str, &str); 10] = [
    ("1568157865166766150", HEADLESS_POST),
    ("1567967273015059249", POST),
    ("1567516453031116808", HEADLESS_POST),
    ("1567285873504944170", POST),
    (POST, POST),
    ("1565253908928921655", ARCHIVED_POST),
    (ARCHIVED_POST, ARCHIVED_POST),
    ("1563991830704423689", OLDEST_POST),
    ("1562378089508462801", OLDEST_POST),
    (OLDEST_POST, OLDEST_POST),
];

async fn scan(app: &App, channel: &str, query: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel, "query": query, "mode": "scan"});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("search_messages", params).await
}

/// The results, and the channel that each says it stands in.
fn found(answer: &Answer) -> Vec<(&str, &str)> {
    let messages = answer.result()["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| {
            let text = |field: &str| message[field].as_str().unwrap();
            (text("id"), text("channel_id"))
        })
        .collect()
}

/// The paths that were asked for, without what all begin with.
fn asked(app: &App) -> Vec<String> {
    let requests = app.discord.requests();
    let short = |path: &str| path.strip_prefix("/api/v10/").unwrap().to_owned();
    requests.iter().map(|seen| short(&seen.path)).collect()
}

fn messages_of(channel: &str) -> String {
    format!("channels/{channel}/messages")
}

#[tokio::test]
async fn a_scan_of_a_forum_is_these_requests_and_this_result() {
    let app = App::start().await;
    let answer = scan(&app, FORUM, "BATTERY", json!({"limit": 1})).await;
    let expected = json!({
        "messages": [{
            "id": "1567967273015059249",
            "channel_id": POST,
            "author": {"id": ALICE, "username": "alice.m", "display_name": "Alice"},
            "content": "It was the battery. The sensor is fine.",
            "timestamp": "2026-11-05T18:22:09Z",
        }],
        "mode": "scan",
        "scanned": 2,
        "complete": false,
        "next_before": "1567967273015059249",
    });
    assert_eq!(*answer.result(), expected);
    let expected = [
        messages_of(FORUM),
        format!("channels/{FORUM}"),
        "guilds/1234567890123456000/threads/active".into(),
        format!("channels/{FORUM}/threads/archived/public"),
        messages_of(HEADLESS_POST),
        messages_of(POST),
    ];
    assert_eq!(asked(&app), expected);
    let requests = app.discord.requests();
    let queries: Vec<_> = requests.iter().map(|seen| &*seen.raw_query).collect();
    // The post with the next message is read from where the scan stands.
    let below = "limit=100&before=1568157865166766150";
    assert_eq!(
        queries,
        ["limit=100", "", "", "limit=100", "limit=100", below]
    );
}

#[tokio::test]
async fn all_posts_are_read_as_one_history_newest_first() {
    let app = App::start().await;
    let answer = scan(&app, FORUM, "e", json!({"limit": 100})).await;
    assert_eq!(found(&answer), ALL);
    assert_eq!(answer.result()["scanned"], 10);
    assert_eq!(answer.result()["complete"], true);
    // Threads of other channels are on the list of active ones and are left alone.
    assert!(!asked(&app).contains(&messages_of(THREAD)));

    let answer = scan(&app, MEDIA, "sensor", json!({})).await;
    assert_eq!(found(&answer), [(MEDIA_POST, MEDIA_POST)]);
    assert_eq!(answer.result()["complete"], true);
}

#[tokio::test]
async fn a_channel_known_to_be_a_forum_is_not_asked_for_messages_of_its_own() {
    let app = App::start().await;
    app.invoke("get_channel_info", json!({"channel_id": FORUM}))
        .await;
    app.discord.clear_requests();
    let answer = scan(&app, FORUM, "silicone", json!({"limit": 1})).await;
    assert_eq!(found(&answer), ALL[..1]);
    let asked = asked(&app);
    assert!(!asked.contains(&messages_of(FORUM)), "{asked:?}");
    assert_eq!(asked.len(), 3);
}

/// Discord answers with an empty list; should it refuse some day, that says the same.
#[tokio::test]
async fn a_forum_is_found_out_by_a_refusal_too() {
    for (status, code) in [(400, 50008), (400, 50024)] {
        let app = App::start().await;
        let refusal = Fault::Error {
            status,
            code,
            message: "Cannot execute action on this channel type",
        };
        app.discord.fault(LIST, 1, refusal.clone());
        let answer = scan(&app, FORUM, "e", json!({"limit": 100})).await;
        assert_eq!(found(&answer), ALL, "{code}");
        // Of a channel that is no forum the refusal is the answer.
        app.discord.fault(LIST, 1, refusal);
        let answer = scan(&app, CATEGORY, "e", json!({})).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid_params"));
    }
}

#[tokio::test]
async fn only_a_channel_that_shows_nothing_is_looked_up() {
    let app = App::start().await;
    for (channel, requests) in [(GENERAL, 1), (VOICE, 2), (VOICE, 1)] {
        app.discord.clear_requests();
        let answer = scan(&app, channel, "submarine", json!({})).await;
        assert_eq!(answer.result()["complete"], true);
        assert_eq!(asked(&app).len(), requests, "{channel}");
    }
    // Nor is one looked up of which a page has been read, and the next is empty.
    app.discord.with(|world| {
        for number in 0..99 {
            world.post(QUIET, ALICE, &format!("talk {number}"));
        }
    });
    app.discord.clear_requests();
    let answer = scan(&app, QUIET, "submarine", json!({})).await;
    assert_eq!(answer.result()["scanned"], 100);
    assert_eq!(asked(&app), [messages_of(QUIET), messages_of(QUIET)]);
}

#[tokio::test]
async fn a_text_channel_is_read_without_its_threads() {
    let app = App::start().await;
    let answer = scan(&app, GENERAL, "splinters", json!({})).await;
    assert_eq!(found(&answer), []);
    let answer = scan(&app, THREAD, "splinters", json!({})).await;
    assert_eq!(found(&answer), [("1567430710132867073", THREAD)]);
}

/// The order does not rest on what the list says of the newest message.
#[tokio::test]
async fn a_post_whose_newest_message_is_unknown_comes_in_its_place() {
    let app = App::start().await;
    for newest in [json!(null), json!("1568999999999999999")] {
        app.discord.with(|world| {
            for post in [POST, OLDEST_POST] {
                world.channel_mut(post).json["last_message_id"] = newest.clone();
            }
        });
        let answer = scan(&app, FORUM, "e", json!({"limit": 100})).await;
        assert_eq!(found(&answer), ALL);
        assert_eq!(answer.result()["complete"], true);
    }
}

#[tokio::test]
async fn a_post_that_was_deleted_meanwhile_is_passed_over_and_one_that_is_closed_is_told() {
    for (status, code, complete) in [(404, 10003, true), (403, 50001, false)] {
        let app = App::start().await;
        app.discord.fault(LIST, 2, Fault::Headers(Vec::new()));
        let gone = Fault::Error {
            status,
            code,
            message: "the words of Discord, which no caller reads",
        };
        // The third list of messages is that of POST.
        app.discord.fault(LIST, 1, gone);
        let answer = scan(&app, FORUM, "e", json!({"limit": 100})).await;
        let others = ALL.iter().copied().filter(|(_, post)| *post != POST);
        assert_eq!(found(&answer), others.collect::<Vec<_>>());
        assert_eq!(answer.result()["complete"], complete, "{code}");
    }
}

#[tokio::test]
async fn a_post_that_cannot_be_read_in_a_list_is_not_called_seen() {
    for (route, list) in [(ACTIVE, POST), (ARCHIVED, ARCHIVED_POST)] {
        let app = App::start().await;
        let odd = Fault::Rewrite(std::sync::Arc::new(move |body| {
            let threads = body["threads"].as_array_mut().unwrap();
            let post = threads.iter_mut().find(|thread| thread["id"] == list);
            post.unwrap()["id"] = json!(7);
        }));
        app.discord.fault(route, 1, odd);
        let answer = scan(&app, FORUM, "e", json!({"limit": 100})).await;
        let others = ALL.iter().copied().filter(|(_, post)| *post != list);
        assert_eq!(found(&answer), others.collect::<Vec<_>>());
        assert_eq!(answer.result()["complete"], false);
        assert_eq!(answer.result()["next_before"], OLDEST_POST);
    }
}

#[tokio::test]
async fn a_token_limited_to_the_forum_reads_its_posts_and_one_to_another_channel_does_not() {
    let app = App::start().await;
    let params = json!({"channel_id": FORUM, "query": "e", "mode": "scan", "limit": 100});
    let token = tokens::token_with(json!({"channels": [FORUM]}));
    let answer = app
        .invoke_as(&token, "search_messages", params.clone())
        .await;
    assert_eq!(found(&answer), ALL);
    app.discord.clear_requests();
    let token = tokens::token_with(json!({"channels": [POST]}));
    let answer = app.invoke_as(&token, "search_messages", params).await;
    assert_eq!((answer.status, answer.code()), (403, "not_allowed"));
    assert!(!asked(&app).iter().any(|path| path.contains("threads")));
}

#[tokio::test]
async fn the_missing_permission_is_named() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(FORUM).permissions.read_history = false);
    for mode in ["scan", "auto"] {
        let answer = scan(&app, FORUM, "sensor", json!({"mode": mode})).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (
                403,
                "missing_permission",
                "Bot doesn't have permission to read the posts of this channel: READ_MESSAGE_HISTORY"
            )
        );
        assert_eq!(
            answer.body["error"]["discord"],
            json!({"status": 403, "code": 50001})
        );
    }
}

/// Alone, a post without a text would look as if the bot could read no texts.
#[tokio::test]
async fn the_hint_on_the_intent_rests_on_all_posts() {
    let app = App::start().await;
    app.discord.with(|world| {
        world
            .message_mut(OLDEST_POST, "1563991830704423689")
            .set(json!({"content": ""}));
        let post = world.channel_mut(OLDEST_POST);
        post.messages
            .retain(|id, _| *id == 1_563_991_830_704_423_689);
    });
    let answer = scan(&app, FORUM, "sensor", json!({})).await;
    assert_eq!(answer.result()["hint"], json!(null));
    app.discord
        .with(|world| world.message_content_intent = false);
    let answer = scan(&app, FORUM, "sensor", json!({})).await;
    let hint = answer.result()["hint"].as_str().unwrap();
    assert!(hint.starts_with("Every message is empty: "), "{hint}");
}

#[tokio::test]
async fn as_text_the_results_say_in_which_post_they_stand() {
    let app = App::start().await;
    let params = json!({"channel_id": FORUM, "query": "silicone", "mode": "scan"});
    let answer = Mcp::modern(&app).call("search_messages", params).await;
    let expected = format!(
        "2026-11-06\n\
         1568157865166766150 06:59 Bob: Silicone it is.\n\
         2026-11-04\n\
         1567516453031116808 12:30 carla: Silicone, and not near the pressure sensor.\n\
         In thread {HEADLESS_POST}: 1568157865166766150 1567516453031116808\n"
    );
    assert_eq!(text(&answer), expected);
}
