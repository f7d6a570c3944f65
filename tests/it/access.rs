//! What a token that is let in may do: its scopes, its channels and guilds, and the bot token that
//! it carries.

use serde_json::{Value, json};

use crate::support::discord::seed::{
    BOT_MESSAGE, BOT_TOKEN, BOT_USER, DM, GENERAL, GUILD, OTHER_BOT_TOKEN, OTHER_CHANNEL,
    OTHER_GUILD, QUIET, THREAD,
};
use crate::support::{App, tokens};

const TOOLS: [(&str, &str); 5] = [
    ("send_message", "discord:write"),
    ("get_messages", "discord:read"),
    ("get_channel_info", "discord:read"),
    ("search_messages", "discord:read"),
    ("moderate_content", "discord:moderate"),
];

/// Good params of a tool in this channel, without an effect that another call would notice.
fn params(tool: &str, channel: &str) -> Value {
    match tool {
        "send_message" => json!({"channel_id": channel, "message": "hi"}),
        "search_messages" => json!({"channel_id": channel, "query": "hi", "mode": "scan"}),
        "moderate_content" => {
            json!({"channel_id": channel, "message_id": BOT_MESSAGE, "dry_run": true})
        }
        _ => json!({"channel_id": channel}),
    }
}

/// The names that the list of tools has for this token.
async fn listed(app: &App, token: &str) -> Vec<String> {
    let answer = app.get("/mcp/v1/tools", Some(token)).await;
    let tools = answer.result()["tools"].as_array().unwrap();
    let names = tools.iter().map(|tool| tool["name"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_token_does_and_sees_what_its_scope_covers_and_nothing_else() {
    let app = App::start().await;
    let (read, write, moderate) = ("discord:read", "discord:write", "discord:moderate");
    for (scope, granted) in [
        (json!(null), vec![read, write, moderate]),
        (json!(""), vec![]),
        (json!(" "), vec![]),
        (json!(read), vec![read]),
        (json!(write), vec![write]),
        (json!(moderate), vec![moderate]),
        (
            json!("discord:moderate  discord:read"),
            vec![read, moderate],
        ),
        (json!("openid profile discord:read email"), vec![read]),
        (json!("openid profile"), vec![]),
        (
            json!("DISCORD:READ discord:* discord:readwrite read *"),
            vec![],
        ),
        (json!("discord:read,discord:write"), vec![]),
    ] {
        let token = tokens::token_with(json!({"scope": scope}));
        let mut covered = Vec::new();
        for (tool, needed) in TOOLS {
            app.discord.clear_requests();
            let answer = app.invoke_as(&token, tool, params(tool, GENERAL)).await;
            if granted.contains(&needed) {
                assert_eq!(answer.status, 200, "{tool} with {scope}: {}", answer.text);
                covered.push(tool);
                continue;
            }
            let message = format!("This token's scope does not cover `{needed}`");
            let got = (answer.status, answer.code(), answer.message());
            assert_eq!(got, (403, "insufficient_scope", &*message), "{scope}");
            let challenge = format!(
                r#"Bearer realm="discord-mcp", error="insufficient_scope", scope="{needed}", error_description="The bearer token's scope does not cover {needed}""#
            );
            assert_eq!(answer.header("www-authenticate"), Some(&*challenge));
            assert!(app.discord.requests().is_empty(), "{tool} with {scope}");
        }
        assert_eq!(listed(&app, &token).await, covered, "{scope}");
    }
}

#[tokio::test]
async fn scope_comes_before_parameters_so_that_it_tells_nothing_of_them() {
    let app = App::start().await;
    let token = tokens::token_with(json!({"scope": ""}));
    for (tool, _) in TOOLS {
        let answer = app.invoke_as(&token, tool, json!({"nonsense": 1})).await;
        assert_eq!(answer.code(), "insufficient_scope", "{tool}");
    }
}

#[tokio::test]
async fn a_token_limited_to_channels_reaches_no_other() {
    let app = App::start().await;
    for (channels, channel, allowed) in [
        (json!([GENERAL]), GENERAL, true),
        (json!([QUIET, GENERAL]), GENERAL, true),
        (json!([GENERAL, GENERAL]), GENERAL, true),
        (json!([GENERAL]), QUIET, false),
        (json!([GENERAL]), DM, false),
        // A thread is a channel with an id of its own.
        (json!([GENERAL]), THREAD, false),
        (json!([]), GENERAL, false),
    ] {
        let token = tokens::token_with(json!({"channels": channels}));
        for (tool, _) in TOOLS {
            app.discord.clear_requests();
            let answer = app.invoke_as(&token, tool, params(tool, channel)).await;
            if allowed {
                assert_eq!(answer.status, 200, "{tool} {channels}: {}", answer.text);
                continue;
            }
            let got = (answer.status, answer.code(), answer.message());
            let message = "This token is limited to other channels than this one";
            assert_eq!(got, (403, "not_allowed", message), "{tool} {channels}");
            assert!(app.discord.requests().is_empty(), "{tool} {channels}");
        }
    }
}

#[tokio::test]
async fn a_token_limited_to_guilds_costs_one_look_up_and_then_none() {
    let app = App::start().await;
    let token = tokens::token_with(json!({"guilds": [OTHER_GUILD]}));
    for channel in [GENERAL, DM] {
        app.discord.clear_requests();
        for (tool, _) in TOOLS {
            let answer = app.invoke_as(&token, tool, params(tool, channel)).await;
            let got = (answer.status, answer.code(), answer.message());
            let message = "This token is limited to other servers than this one";
            assert_eq!(got, (403, "not_allowed", message), "{tool}");
        }
        let sent = app.discord.requests();
        let sent: Vec<_> = sent.iter().map(|r| (&*r.method, &*r.path)).collect();
        assert_eq!(sent, [("GET", &*format!("/api/v10/channels/{channel}"))]);
    }
    assert!(app.discord.with(|world| world.deletions.is_empty()));
}

#[tokio::test]
async fn a_token_limited_to_guilds_works_in_them() {
    let app = App::start().await;
    let token = tokens::token_with(json!({"guilds": [OTHER_GUILD, GUILD]}));
    for channel in [GENERAL, THREAD] {
        for (tool, _) in TOOLS {
            if (tool, channel) == ("moderate_content", THREAD) {
                continue;
            }
            let answer = app.invoke_as(&token, tool, params(tool, channel)).await;
            assert_eq!(answer.status, 200, "{tool}: {}", answer.text);
        }
    }
    let nowhere = tokens::token_with(json!({"guilds": []}));
    let refused = app.invoke_as(&nowhere, "get_messages", params("", GENERAL));
    assert_eq!(refused.await.code(), "not_allowed");
    // Both limits hold at once.
    let both = tokens::token_with(json!({"guilds": [GUILD], "channels": [QUIET]}));
    let refused = app.invoke_as(&both, "get_messages", params("", GENERAL));
    assert_eq!(refused.await.code(), "not_allowed");
}

#[tokio::test]
async fn what_is_remembered_of_a_channel_under_one_bot_lets_no_other_bot_in() {
    let app = App::start().await;
    let ours = tokens::token_with(json!({"guilds": [GUILD]}));
    let answer = app.invoke_as(&ours, "get_channel_info", params("", GENERAL));
    assert_eq!(answer.await.status, 200);
    let other = json!({"guilds": [GUILD], "discord_token": OTHER_BOT_TOKEN});
    let other = tokens::token_with(other);
    let answer = app.invoke_as(&other, "get_messages", params("", GENERAL));
    assert_eq!(answer.await.code(), "missing_permission");
    let other = tokens::token_with(json!({"discord_token": OTHER_BOT_TOKEN}));
    let answer = app.invoke_as(&other, "get_messages", params("", OTHER_CHANNEL));
    assert_eq!(answer.await.status, 200);
}

#[tokio::test]
async fn the_bot_token_of_the_jwt_is_the_one_that_is_used() {
    let app = App::start().await;
    for bot in [BOT_TOKEN, OTHER_BOT_TOKEN] {
        app.discord.clear_requests();
        let token = tokens::token_with(json!({"discord_token": bot}));
        app.invoke_as(&token, "get_messages", params("", GENERAL))
            .await;
        let sent = app.discord.requests();
        let expected = format!("Bot {bot}");
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].header("authorization"), Some(&*expected));
        assert_eq!(sent[0].headers.get_all("authorization").iter().count(), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_a_bot_token_is_never_sent_anywhere() {
    let app = App::start().await;
    let jwt = tokens::token();
    let [id, stamp, mac] = BOT_TOKEN.split('.').collect::<Vec<_>>()[..] else {
        panic!("a bot token has three parts");
    };
    let misshapen = [
        jwt.clone(),
        format!("Bearer {jwt}"),
        format!("Bearer {BOT_TOKEN}"),
        format!("Bot {BOT_TOKEN}"),
        format!(" {BOT_TOKEN}"),
        format!("{BOT_TOKEN}\n"),
        format!("{BOT_TOKEN}\r\nx-injected: 1"),
        format!("{BOT_TOKEN}.x"),
        format!("{id}.{stamp}"),
        format!("{id}.{stamp}."),
        format!("{id}..{mac}"),
        format!(".{stamp}.{mac}"),
        format!("{id}.{stamp}.{}", &mac[..19]),
        format!("{id}.{stamp}.{mac}é"),
        // The first part must be somebody's id.
        format!("bm90LWFuLWlk.{stamp}.{mac}"),
        format!("MA.{stamp}.{mac}"),
        BOT_USER.to_owned(),
        "your-bot-token-here".to_owned(),
        " ".to_owned(),
        "null".to_owned(),
    ];
    for wrong in misshapen {
        let token = tokens::token_with(json!({"discord_token": wrong}));
        for (tool, _) in TOOLS {
            let answer = app.invoke_as(&token, tool, params(tool, GENERAL)).await;
            let message = "The Discord token in this JWT is not of the form of a bot token; it was not sent to Discord";
            let got = (answer.status, answer.code(), answer.message());
            assert_eq!(got, (401, "discord_token_rejected", message), "{wrong:?}");
            assert_eq!(answer.body["error"].get("discord"), None);
        }
    }
    assert!(app.discord.requests().is_empty());
}
