//! What a token can use can be listed: servers and channels, over REST and as MCP resources, and
//! completed by the beginning of an id or a name. All of it is checked and recorded like calls.

use serde_json::{Value, json};

use crate::support::discord::seed::{ANNOUNCEMENTS, BOT_USER, GENERAL, GUILD, OTHER_GUILD};
use crate::support::mcp::assert_rpc_error;
use crate::support::{App, Mcp, assert_failure, tokens};

const SECOND: &str = "998877665544330001";

/// A bot in two servers.
async fn app() -> App {
    let app = App::start().await;
    app.discord.with(|world| {
        let guild = world.guilds.get_mut(OTHER_GUILD).unwrap();
        guild.bots.push(BOT_USER.to_owned());
        world.channel_mut(SECOND).json["name"] = json!("general");
    });
    app
}

fn ids(list: &Value) -> Vec<&str> {
    let all = list.as_array().unwrap().iter();
    all.map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn servers_and_channels_are_listed_over_rest() {
    let app = app().await;
    let token = tokens::token();
    let guilds = app.get("/mcp/v1/guilds", Some(&token)).await;
    let expected = json!({"guilds": [
        {"id": OTHER_GUILD, "name": "Somewhere Else"},
        {"id": GUILD, "name": "Harbour Makers"},
    ]});
    assert_eq!(*guilds.result(), expected);
    let path = format!("/mcp/v1/guilds/{GUILD}/channels");
    let channels = app.get(&path, Some(&token)).await;
    let list = &channels.result()["channels"];
    let general = json!({"id": GENERAL, "name": "general", "type": "text", "parent_id": "1234567890123456804"});
    assert!(list.as_array().unwrap().contains(&general), "{list}");
    assert!(ids(list).contains(&ANNOUNCEMENTS));
    let lines = app.audit();
    let tools: Vec<&Value> = lines.iter().map(|line| &line["tool"]).collect();
    assert_eq!(tools, ["list_guilds", "list_channels"]);
    let line = &lines[1];
    assert_eq!(
        (&line["params"], &line["guild_id"]),
        (&json!({"guild_id": GUILD}), &json!(GUILD))
    );
    assert_eq!(
        (&line["status"], &line["door"]),
        (&json!("ok"), &json!("rest"))
    );
    // Remembered for a while.
    app.discord.clear_requests();
    app.get(&path, Some(&token)).await.result();
    assert!(app.discord.requests().is_empty());
    assert_eq!(app.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn lists_are_refused_as_calls_are() {
    let app = app().await;
    let path = format!("/mcp/v1/guilds/{GUILD}/channels");
    let nobody = app.get(&path, None).await;
    assert_eq!((nobody.status, nobody.code()), (401, "invalid_token"));
    let writer = tokens::token_with(json!({"scope": "discord:write"}));
    for path in ["/mcp/v1/guilds", &path] {
        let refused = app.get(path, Some(&writer)).await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "insufficient_scope")
        );
        assert_eq!(app.audit().pop().unwrap()["status"], "insufficient_scope");
    }
    let elsewhere = tokens::token_with(json!({"guilds": [OTHER_GUILD]}));
    let refused = app.get(&path, Some(&elsewhere)).await;
    let message = "This token is limited to other servers than this one";
    assert_failure(
        &refused,
        403,
        json!({"code": "not_allowed", "message": message}),
    );
    assert!(app.discord.requests().is_empty());
    let unknown = app
        .get("/mcp/v1/guilds/7/channels", Some(&tokens::token()))
        .await;
    assert_eq!((unknown.status, unknown.code()), (404, "unknown_guild"));
    let odd = app
        .get("/mcp/v1/guilds/abc/channels", Some(&tokens::token()))
        .await;
    assert_eq!((odd.status, odd.code()), (422, "invalid_params"));
}

#[tokio::test]
async fn what_a_token_may_not_use_is_in_no_list() {
    let app = app().await;
    let narrow = tokens::token_with(json!({"channels": [GENERAL]}));
    let guilds = app.get("/mcp/v1/guilds", Some(&narrow)).await;
    assert_eq!(ids(&guilds.result()["guilds"]), [GUILD]);
    let path = format!("/mcp/v1/guilds/{GUILD}/channels");
    let channels = app.get(&path, Some(&narrow)).await;
    assert_eq!(ids(&channels.result()["channels"]), [GENERAL]);
    let guild = tokens::token_with(json!({"guilds": [OTHER_GUILD]}));
    let guilds = app.get("/mcp/v1/guilds", Some(&guild)).await;
    assert_eq!(ids(&guilds.result()["guilds"]), [OTHER_GUILD]);
}

#[tokio::test]
async fn the_lists_are_resources_with_pages() {
    let app = app().await;
    let client = Mcp::modern(&app);
    let list = client.send("resources/list", json!({})).await;
    let resources = list.result()["resources"].as_array().unwrap().clone();
    let uris: Vec<_> = resources
        .iter()
        .map(|one| one["uri"].as_str().unwrap())
        .collect();
    let channels = format!("discord://guilds/{GUILD}/channels");
    assert_eq!(uris.len(), 3);
    assert_eq!(uris[0], "discord://guilds");
    assert!(uris.contains(&&*channels));
    assert_eq!(list.result().get("nextCursor"), None);
    let token = tokens::token();
    for (uri, path) in [
        ("discord://guilds".to_owned(), "/mcp/v1/guilds".to_owned()),
        (channels, format!("/mcp/v1/guilds/{GUILD}/channels")),
    ] {
        let read = client.send("resources/read", json!({"uri": uri})).await;
        let text = read.result()["contents"][0]["text"].as_str().unwrap();
        let over_rest = app.get(&path, Some(&token)).await;
        let text: Value = serde_json::from_str(text).unwrap();
        assert_eq!(text, *over_rest.result(), "{uri}");
    }
    // More than a page of servers.
    let app = App::start().await;
    app.discord.with(|world| {
        let guild = world.guilds[GUILD].clone();
        for id in 1..=250_u64 {
            world
                .guilds
                .insert((id + 10_000).to_string(), guild.clone());
        }
    });
    let client = Mcp::modern(&app);
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    for _ in 0..4 {
        let params = if cursor.is_null() {
            json!({})
        } else {
            json!({"cursor": cursor})
        };
        let page = client.send("resources/list", params).await;
        let page = page.result();
        seen.extend(
            page["resources"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["uri"].clone()),
        );
        cursor = page.get("nextCursor").cloned().unwrap_or_default();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 252);
    let different: std::collections::HashSet<_> = seen.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), 252);
    let answer = client.send("resources/list", json!({"cursor": "x"})).await;
    let error = json!({"code": -32602, "message": "There is no such `cursor`"});
    assert_rpc_error(&answer, 200, error);
}

#[tokio::test]
async fn ids_and_names_are_completed() {
    let app = app().await;
    let client = Mcp::modern(&app);
    let complete = async |reference: Value, name: &str, value: &str, context: Value| {
        let params = json!({"ref": reference, "argument": {"name": name, "value": value}, "context": context});
        let answer = client.send("completion/complete", params).await;
        answer.result()["completion"]["values"].clone()
    };
    let channel = json!({"type": "ref/resource", "uri": "discord://channels/{channel_id}"});
    let guild = json!({"type": "ref/resource", "uri": "discord://guilds/{guild_id}/channels"});
    let prompt = json!({"type": "ref/prompt", "name": "summarize_channel"});
    let none = || json!({});
    assert_eq!(
        complete(guild.clone(), "guild_id", "harb", none()).await,
        json!([GUILD])
    );
    assert_eq!(
        complete(guild, "guild_id", "9988", none()).await,
        json!([OTHER_GUILD])
    );
    assert_eq!(
        complete(channel.clone(), "channel_id", "#gen", none()).await,
        json!([GENERAL, SECOND])
    );
    let within = json!({"arguments": {"guild_id": GUILD}});
    assert_eq!(
        complete(channel, "channel_id", "gen", within).await,
        json!([GENERAL])
    );
    assert_eq!(
        complete(prompt.clone(), "channel_id", "gen", none()).await,
        json!(["Harbour Makers/#general", "Somewhere Else/#general"])
    );
    assert_eq!(
        complete(prompt, "channel_id", "#anno", none()).await,
        json!(["#announcements"])
    );
}
