//! What a token that is let in may do: its scopes, and the bot token that it carries. Its channels
//! and guilds are in `limits`.

use serde_json::json;

use crate::support::calls::{TOOLS, params};
use crate::support::discord::seed::{BOT_TOKEN, BOT_USER, GENERAL, OTHER_BOT_TOKEN};
use crate::support::{App, tokens};

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
