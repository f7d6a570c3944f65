//! Channels, messages and users by what people call them: mentions, links, names. What is found is
//! used as if its id had been given; what fits nothing, or several, is refused with what there is.

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ALICE, ATTACHMENT_MESSAGE, BOT_USER, CARLA, DM, GENERAL, GUILD, OTHER_GUILD, QUIET,
};
use crate::support::{Answer, App, assert_failure, tokens};

/// Gives the bot a second server with a channel of this name, and that channel's id.
fn second_server(app: &App, name: &str) -> &'static str {
    const SECOND: &str = "998877665544330001";
    app.discord.with(|world| {
        let guild = world.guilds.get_mut(OTHER_GUILD).unwrap();
        guild.bots.push(BOT_USER.to_owned());
        world.channel_mut(SECOND).json["name"] = json!(name);
    });
    SECOND
}

async fn info(app: &App, channel: &str) -> Answer {
    let params = json!({"channel_id": channel});
    app.invoke("get_channel_info", params).await
}

fn paths(app: &App) -> Vec<String> {
    let requests = app.discord.requests();
    let paths = requests
        .iter()
        .map(|seen| seen.path.replace("/api/v10", ""));
    paths.collect()
}

#[tokio::test]
async fn a_channel_goes_by_id_mention_link_and_name() {
    let app = App::start().await;
    let by_id = info(&app, GENERAL).await;
    for name in [
        format!("<#{GENERAL}>"),
        format!("https://discord.com/channels/{GUILD}/{GENERAL}"),
        format!("https://ptb.discord.com/channels/{GUILD}/{GENERAL}/"),
        format!("https://canary.discord.com/channels/{GUILD}/{GENERAL}/{ATTACHMENT_MESSAGE}"),
        "#general".to_owned(),
        " #General ".to_owned(),
        "Harbour Makers/#general".to_owned(),
        "harbour makers / #general".replace(" / ", "/"),
        format!("{GUILD}/#general"),
    ] {
        let found = info(&app, &name).await;
        assert_eq!(found.result(), by_id.result(), "{name}");
        let line = app.audit().pop().unwrap();
        // The trail has what was asked for, and what was found.
        assert_eq!(line["params"]["channel_id"], name);
        assert_eq!(line["channel_id"], GENERAL);
        assert_eq!(line["guild_id"], GUILD);
    }
}

#[tokio::test]
async fn a_name_costs_two_requests_cold_and_none_warm() {
    let app = App::start().await;
    info(&app, "#general").await.result();
    let channel = format!("/channels/{GENERAL}");
    let lists = [
        "/users/@me/guilds".to_owned(),
        format!("/guilds/{GUILD}/channels"),
    ];
    assert_eq!(
        paths(&app),
        [&lists[..], std::slice::from_ref(&channel)].concat()
    );
    app.discord.clear_requests();
    info(&app, "Harbour Makers/#general").await.result();
    assert_eq!(paths(&app), [channel]);
    assert_eq!(app.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_name_that_nothing_has_is_refused_with_the_nearest() {
    let app = App::start().await;
    let refused = info(&app, "#generel").await;
    let hint = format!("The nearest: #general (text) in \"Harbour Makers\": {GENERAL}.");
    let error = json!({
        "code": "unknown_channel",
        "message": "No channel that this token may use has this name",
        "hint": hint,
    });
    assert_failure(&refused, 404, error);
    let refused = info(&app, "#xyzzy").await;
    assert_eq!(refused.code(), "unknown_channel");
    let hint = "Use its id, a link to it, or the name that the Discord app shows.";
    assert_eq!(refused.body["error"]["hint"], hint);
    let refused = info(&app, "Harbor/#general").await;
    let error = json!({
        "code": "unknown_channel",
        "message": "No server that this bot is in and this token may use has this name",
        "hint": format!("Servers: \"Harbour Makers\" ({GUILD})."),
    });
    assert_failure(&refused, 404, error);
}

#[tokio::test]
async fn a_name_that_several_have_is_refused_with_all_of_them() {
    let app = App::start().await;
    let second = second_server(&app, "general");
    let refused = info(&app, "#general").await;
    let hint = format!(
        "Use one of these ids, or Server/#channel: #general (text) in \"Somewhere Else\": {second}, #general (text) in \"Harbour Makers\": {GENERAL}."
    );
    let error = json!({
        "code": "ambiguous_channel",
        "message": "Several channels have this name",
        "hint": hint,
    });
    assert_failure(&refused, 409, error);
    let found = info(&app, "Harbour Makers/#general").await;
    assert_eq!(found.result()["id"], GENERAL);
    let found = info(&app, "somewhere else/#general").await;
    assert_eq!(found.result()["id"], second);
}

#[tokio::test]
async fn what_a_token_may_not_use_it_does_not_see() {
    let app = App::start().await;
    second_server(&app, "engine-room");
    for claims in [
        json!({"channels": [GENERAL]}),
        json!({"guilds": [GUILD], "channels": [GENERAL]}),
    ] {
        let narrow = tokens::token_with(claims);
        for name in [
            "#rules",
            "#rule",
            "#engine-room",
            "Somewhere Else/#engine-room",
            "Elsewhere/#x",
        ] {
            let params = json!({"channel_id": name});
            let refused = app.invoke_as(&narrow, "get_channel_info", params).await;
            assert_eq!(
                (refused.status, refused.code()),
                (404, "unknown_channel"),
                "{name}"
            );
            for hidden in [QUIET, "rules", "engine", "Somewhere"] {
                assert!(!refused.text.contains(hidden), "{name}: {}", refused.text);
            }
        }
        let params = json!({"channel_id": "#general"});
        let found = app.invoke_as(&narrow, "get_channel_info", params).await;
        assert_eq!(found.result()["id"], GENERAL);
    }
    let params = json!({"channel_id": "#engine-room"});
    let guild = tokens::token_with(json!({"guilds": [GUILD]}));
    let refused = app.invoke_as(&guild, "get_channel_info", params).await;
    assert_eq!(refused.code(), "unknown_channel");
    assert!(!refused.text.contains("Somewhere"), "{}", refused.text);
    let none = tokens::token_with(json!({"channels": []}));
    app.discord.clear_requests();
    let params = json!({"channel_id": "#general"});
    let refused = app.invoke_as(&none, "get_channel_info", params).await;
    assert_eq!(refused.code(), "not_allowed");
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn a_link_to_a_message_names_its_channel_too() {
    let app = App::start().await;
    let id = app.discord.with(|world| world.post(GENERAL, ALICE, "spam"));
    let link = format!("https://discord.com/channels/{GUILD}/{GENERAL}/{id}");
    let page = json!({"before": link, "limit": 1});
    let page = app.invoke("get_messages", page).await;
    assert_eq!(page.result()["messages"][0]["channel_id"], GENERAL);
    let reply = json!({"reply_to": link, "message": "no"});
    let reply = app.invoke("send_message", reply).await;
    assert_eq!(reply.result()["message"]["reply_to"], id);
    // As a channel or as a message, it stands for both.
    let wrong = json!({"channel_id": QUIET, "message_id": link});
    let wrong = app.invoke("moderate_content", wrong).await;
    let error = json!({
        "code": "invalid_params",
        "message": "`message_id` is a link into another channel than `channel_id`",
    });
    assert_failure(&wrong, 422, error);
    let gone = json!({"channel_id": link});
    let gone = app.invoke("moderate_content", gone).await;
    assert_eq!(gone.result()["deleted"], json!([id]));
}

#[tokio::test]
async fn an_author_goes_by_mention_and_by_name() {
    let app = App::start().await;
    let search = async |author: &str| {
        let params =
            json!({"channel_id": GENERAL, "query": "a", "mode": "scan", "author_id": author});
        app.invoke("search_messages", params).await
    };
    let by_id = search(ALICE).await;
    for name in [
        format!("<@{ALICE}>"),
        format!("<@!{ALICE}>"),
        "@Alice".into(),
        "@ALICE.M".into(),
    ] {
        let found = search(&name).await;
        assert_eq!(found.result(), by_id.result(), "{name}");
    }
    let nobody = search("@ali").await;
    let error = json!({
        "code": "invalid_params",
        "message": "No member of this server goes by the name that was given after `@`",
        "hint": format!("Members: @Alice: {ALICE}."),
    });
    assert_failure(&nobody, 422, error);
    app.discord.with(|world| {
        let carla = world.users.get_mut(CARLA).unwrap();
        carla["global_name"] = json!("Alice");
    });
    let several = search("@alice").await;
    assert_eq!((several.status, several.code()), (422, "invalid_params"));
    let hint = several.body["error"]["hint"].as_str().unwrap();
    assert!(hint.contains(ALICE) && hint.contains(CARLA), "{hint}");
    let params = json!({"channel_id": DM, "query": "a", "mode": "scan", "author_id": "@Alice"});
    let in_dm = app.invoke("search_messages", params).await;
    let message = "Names of users can be looked up in the channel of a server only; use an id";
    assert_eq!(in_dm.body["error"]["message"], message);
    // Whoever is mentioned goes by a name, too.
    let params = json!({"channel_id": "#general", "message": format!("<@{ALICE}>"), "mentions": {"users": ["@alice.m"]}});
    let sent = app.invoke("send_message", params).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
}

#[tokio::test]
async fn a_write_is_recorded_before_names_are_looked_up() {
    let app = App::start().await;
    let params = json!({"channel_id": "#no-such-channel", "message": "hello"});
    let refused = app.invoke("send_message", params.clone()).await;
    assert_eq!(refused.code(), "unknown_channel");
    let lines = app.audit();
    let stages: Vec<&Value> = lines.iter().map(|line| &line["stage"]).collect();
    assert_eq!(stages, ["intent", "outcome"]);
    assert!(lines.iter().all(|line| line["params"] == params));
    assert_eq!(lines[1]["requests"], 2);
}

#[tokio::test]
async fn what_else_is_wrong_is_said_before_anything_is_asked() {
    let app = App::start().await;
    for (tool, params, code) in [
        (
            "get_messages",
            json!({"channel_id": "#general", "limit": 0}),
            "invalid_params",
        ),
        (
            "send_message",
            json!({"channel_id": "#general"}),
            "invalid_params",
        ),
        (
            "get_messages",
            json!({"channel_id": "general"}),
            "invalid_params",
        ),
        ("get_messages", json!({"channel_id": "#"}), "invalid_params"),
    ] {
        let refused = app.invoke(tool, params).await;
        assert_eq!(refused.code(), code, "{}", refused.text);
    }
    let message = "`channel_id` must be an id, a mention such as <#1234567890123456789>, a link, or a name such as #general or Server/#general";
    let refused = info(&app, "general").await;
    assert_eq!(refused.body["error"]["message"], message);
    assert!(app.discord.requests().is_empty());
}
