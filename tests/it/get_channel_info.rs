//! `get_channel_info`: what each kind of channel looks like, literally.

use serde_json::{Value, json};

use crate::support::App;
use crate::support::discord::seed::{
    ANNOUNCEMENTS, ARCHIVED_THREAD, CATEGORY, DM, FORUM, GENERAL, HIDDEN, MEDIA, NSFW,
    OTHER_CHANNEL, PRIVATE_THREAD, QUIET, STAGE, THREAD, VOICE, WEIRD,
};

async fn info(app: &App, channel: &str) -> Value {
    let answer = app
        .invoke("get_channel_info", json!({"channel_id": channel}))
        .await;
    answer.result().clone()
}

#[tokio::test]
async fn every_channel_of_a_server_is_told_with_its_type_in_words() {
    let app = App::start().await;
    let table = [
        (
            GENERAL,
            json!({
                "name": "general", "type": "text", "position": 0,
                "topic": "The harbour sensor build, and whatever floats beside it",
                "last_message_id": "1568168320031653914",
            }),
        ),
        (
            ANNOUNCEMENTS,
            json!({
                "name": "announcements", "type": "announcement", "position": 1,
                "last_message_id": "1566391350570647555",
            }),
        ),
        (
            VOICE,
            json!({"name": "quay", "type": "voice", "position": 2}),
        ),
        (
            STAGE,
            json!({"name": "show-and-tell", "type": "stage", "position": 3}),
        ),
        (
            NSFW,
            json!({
                "name": "gore-of-old-boards", "type": "text", "position": 7, "nsfw": true,
                "last_message_id": "1567895514303823875",
            }),
        ),
        (
            QUIET,
            json!({
                "name": "rules", "type": "text", "position": 8, "topic": "Read only",
                "slowmode_seconds": 30, "last_message_id": "1566768840111685635",
            }),
        ),
        (
            WEIRD,
            json!({
                "name": "from-the-future", "type": "unknown(99)", "position": 10,
                "last_message_id": "1567895765962063875",
            }),
        ),
    ];
    for (channel, own) in table {
        let mut expected = json!({
            "id": channel, "guild_id": "1234567890123456000", "nsfw": false,
            "parent_id": "1234567890123456804", "created_at": "2024-04-29T18:12:02Z",
        });
        let own = own.as_object().unwrap().clone();
        expected.as_object_mut().unwrap().extend(own);
        assert_eq!(info(&app, channel).await, expected);
    }
}

#[tokio::test]
async fn a_category_has_no_parent() {
    let app = App::start().await;
    let expected = json!({
        "id": CATEGORY, "name": "The Shed", "type": "category",
        "guild_id": "1234567890123456000", "nsfw": false, "position": 4,
        "created_at": "2024-04-29T18:12:02Z",
    });
    assert_eq!(info(&app, CATEGORY).await, expected);
}

#[tokio::test]
async fn forums_and_media_channels_tell_their_tags() {
    let app = App::start().await;
    for (channel, name, kind, position) in [
        (FORUM, "build-logs", "forum", 5),
        (MEDIA, "photos", "media", 6),
    ] {
        let mut expected = json!({
            "id": channel, "name": name, "type": kind, "position": position,
            "guild_id": "1234567890123456000", "nsfw": false,
            "parent_id": "1234567890123456804", "created_at": "2024-04-29T18:12:02Z",
            "topic": "One post for each build. Say what broke.",
            "forum": {
                "tags": [
                    {"id": "1234567890123456901", "name": "sensor"},
                    {"id": "1234567890123456902", "name": "solved"},
                ],
                "tag_required": false,
                "post_slowmode_seconds": 5,
            },
        });
        assert_eq!(info(&app, channel).await, expected);

        app.discord
            .with(|world| world.channel_mut(channel).json["flags"] = json!(1 << 4));
        expected["forum"]["tag_required"] = json!(true);
        assert_eq!(info(&app, channel).await, expected);
    }
}

#[tokio::test]
async fn threads_tell_whether_they_are_open_and_whose_they_are() {
    let app = App::start().await;
    let thread = |id: &str, name: &str, kind: &str, made: &str, last: &str, more: Value| {
        json!({
            "id": id, "name": name, "type": kind, "guild_id": "1234567890123456000",
            "parent_id": GENERAL, "created_at": made, "last_message_id": last, "thread": more,
        })
    };
    let table = [
        thread(
            THREAD,
            "Enclosure ideas",
            "public_thread",
            "2026-11-03T19:10:54Z",
            "1567430710132867073",
            json!({
                "owner_id": "1110000000000000001", "archived": false, "locked": false,
                "auto_archive_minutes": 1440, "archive_timestamp": "2026-11-03T19:10:54Z",
                "message_count": 2, "member_count": 2,
            }),
        ),
        thread(
            ARCHIVED_THREAD,
            "Storm damage",
            "public_thread",
            "2026-10-12T16:00:00Z",
            "1559235237458870274",
            json!({
                "owner_id": "1110000000000000002", "archived": true, "locked": true,
                "auto_archive_minutes": 1440, "archive_timestamp": "2026-10-13T16:04:09Z",
                "message_count": 2, "member_count": 2,
            }),
        ),
        thread(
            PRIVATE_THREAD,
            "Budget",
            "private_thread",
            "2026-11-04T20:00:00Z",
            "1567630087002652674",
            json!({
                "owner_id": "1110000000000000003", "archived": false, "locked": false,
                "auto_archive_minutes": 10080, "archive_timestamp": "2026-11-04T20:00:00Z",
                "message_count": 2, "member_count": 2,
            }),
        ),
    ];
    for expected in table {
        let id = expected["id"].as_str().unwrap();
        assert_eq!(info(&app, id).await, expected);
    }
}

#[tokio::test]
async fn a_forum_post_is_a_thread_with_tags() {
    let app = App::start().await;
    app.discord.with(|world| {
        let post = &mut world.channel_mut(THREAD).json;
        post["parent_id"] = json!(FORUM);
        post.insert("applied_tags".into(), json!(["1234567890123456902"]));
    });
    let result = info(&app, THREAD).await;
    assert_eq!(result["parent_id"], FORUM);
    assert_eq!(result["thread"]["tag_ids"], json!(["1234567890123456902"]));
}

#[tokio::test]
async fn a_direct_message_has_people_instead_of_a_name() {
    let app = App::start().await;
    let expected = json!({
        "id": DM, "type": "dm", "created_at": "2024-04-29T18:12:02Z",
        "last_message_id": "1568007419173404675", "recipients": ["alice.m"],
    });
    assert_eq!(info(&app, DM).await, expected);
}

#[tokio::test]
async fn every_type_that_discord_documents_has_its_word() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    let words = [
        (0, "text"),
        (1, "dm"),
        (2, "voice"),
        (3, "group_dm"),
        (4, "category"),
        (5, "announcement"),
        (10, "announcement_thread"),
        (11, "public_thread"),
        (12, "private_thread"),
        (13, "stage"),
        (14, "directory"),
        (15, "forum"),
        (16, "media"),
        (6, "unknown(6)"),
        (17, "unknown(17)"),
        (u64::MAX, "unknown(18446744073709551615)"),
    ];
    for (number, word) in words {
        app.discord
            .with(|world| world.channel_mut(WEIRD).json["type"] = json!(number));
        assert_eq!(info(&app, WEIRD).await["type"], word);
    }
}

#[tokio::test]
async fn names_and_topics_lose_what_no_reader_sees() {
    let app = App::start().await;
    app.discord.with(|world| {
        let channel = &mut world.channel_mut(GENERAL).json;
        channel["name"] = json!("gen\u{200b}er\u{202e}al");
        channel["topic"] = json!("A topic\u{2066} of two\u{feff}\nlines \u{e0049}");
    });
    let result = info(&app, GENERAL).await;
    assert_eq!(result["name"], "general");
    assert_eq!(result["topic"], "A topic of two\nlines ");
}

#[tokio::test]
async fn it_is_one_request_for_the_channel() {
    let app = App::start().await;
    for _ in 0..2 {
        info(&app, GENERAL).await;
    }
    let lines: Vec<_> = app
        .discord
        .requests()
        .into_iter()
        .map(|seen| (seen.method, seen.path, seen.raw_query, seen.body))
        .collect();
    let line = (
        "GET".to_owned(),
        "/api/v10/channels/1234567890123456789".to_owned(),
        String::new(),
        Vec::new(),
    );
    assert_eq!(lines, [line.clone(), line]);
}

#[tokio::test]
async fn what_cannot_be_seen_or_is_not_there_is_told() {
    let app = App::start().await;
    let see = "Bot doesn't have permission to see this channel: VIEW_CHANNEL";
    let role = "Give the bot's role this permission in the server's settings, and look at the channel's own overrides.";
    let table = [
        (
            HIDDEN,
            403,
            json!({
                "code": "missing_permission", "message": see, "hint": role,
                "discord": {"status": 403, "code": 50001},
            }),
        ),
        (
            OTHER_CHANNEL,
            403,
            json!({
                "code": "missing_permission", "message": see, "hint": role,
                "discord": {"status": 403, "code": 50001},
            }),
        ),
        (
            "1",
            404,
            json!({
                "code": "unknown_channel",
                "message": "Discord knows no channel with this id, or the bot is not in its server",
                "discord": {"status": 404, "code": 10003},
            }),
        ),
    ];
    for (channel, status, error) in table {
        let answer = app
            .invoke("get_channel_info", json!({"channel_id": channel}))
            .await;
        assert_eq!((answer.status, &answer.body["error"]), (status, &error));
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_asked() {
    let app = App::start().await;
    let table = [
        (json!({}), "`channel_id` is required"),
        (
            json!({"channel_id": GENERAL, "guild_id": "1"}),
            "`guild_id` is not a parameter here; allowed: channel_id, threads, threads_before, permissions",
        ),
        (
            json!({"channel_id": ""}),
            "`channel_id` must be an id, a mention such as <#1234567890123456789>, a link, or a name such as #general or Server/#general",
        ),
        (
            json!({"channel_id": [GENERAL]}),
            "`channel_id` must be a Discord id, a string of decimal digits, not an array",
        ),
    ];
    for (params, message) in table {
        let answer = app.invoke("get_channel_info", params).await;
        assert_eq!(
            (answer.status, answer.code(), answer.message()),
            (422, "invalid_params", message)
        );
    }
    assert!(app.discord.requests().is_empty());
}
