//! Several instances can share one rate-limiting proxy in front of Discord: `DISCORD_API_BASE` names
//! it, the requests are what it takes, and its answers, its own failures among them, are understood.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::discord::seed::{
    ALICE, ANNOUNCEMENTS, BOT_TOKEN, GENERAL, OTHER_BOT_TOKEN, OTHER_CHANNEL,
};
use crate::support::discord::{Fault, Limits, On, Rule, StandIn};
use crate::support::operations::{CREATE, LIST, TEXT, read, send};
use crate::support::proxy::{Age, HOP_BY_HOP, OWN_TOKEN, Proxy};
use crate::support::{App, assert_failure, tokens};

/// A stand-in for Discord, and a proxy in front of it.
async fn proxied(age: Age) -> (StandIn, Proxy) {
    let discord = StandIn::start().await;
    let proxy = Proxy::before(&discord, age).await;
    (discord, proxy)
}

/// An instance behind the proxy. Its own stand-in is not asked.
async fn instance(proxy: &Proxy) -> App {
    App::with(&[("DISCORD_API_BASE", &proxy.url)]).await
}

/// One call of each tool, deletions alone and in bulk.
fn calls(discord: &StandIn) -> Vec<(&'static str, Value)> {
    let post = || discord.with(|world| world.post(GENERAL, ALICE, "to go"));
    let (one, two, three) = (post(), post(), post());
    vec![
        ("get_channel_info", json!({"channel_id": GENERAL})),
        ("get_messages", json!({"channel_id": GENERAL, "limit": 5})),
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": "straße & co. 100 %"}),
        ),
        (
            "search_messages",
            json!({"channel_id": GENERAL, "query": "a+b & c", "mode": "index"}),
        ),
        (
            "moderate_content",
            json!({"channel_id": GENERAL, "message_id": one, "reason": "spam ü"}),
        ),
        (
            "moderate_content",
            json!({"channel_id": GENERAL, "message_ids": [two, three]}),
        ),
    ]
}

#[tokio::test]
async fn every_tool_works_through_the_proxy_as_without_it() {
    let (discord, proxy) = proxied(Age::Current).await;
    let through = instance(&proxy).await;
    for (tool, params) in calls(&discord) {
        through.invoke(tool, params).await.result();
    }
    let straight = App::start().await;
    for (tool, params) in calls(&straight.discord) {
        straight.invoke(tool, params).await.result();
    }
    // Ids and nonces are of the moment; the rest is the same.
    let told = |discord: &StandIn| {
        let requests = discord.requests().into_iter().map(|seen| {
            let digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
            let header = |name: &str| seen.header(name).unwrap_or_default().to_owned();
            let mut body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            if let Some(fields) = body.as_object_mut() {
                fields.remove("nonce");
            }
            (
                format!(
                    "{} {}?{}",
                    seen.method,
                    digits(&seen.path),
                    digits(&seen.raw_query)
                ),
                digits(&body.to_string()),
                [
                    "authorization",
                    "user-agent",
                    "content-type",
                    "x-audit-log-reason",
                ]
                .map(header),
            )
        });
        requests.collect::<Vec<_>>()
    };
    assert_eq!(told(&discord), told(&straight.discord));
    assert_eq!(discord.violations(), Vec::<String>::new());
    assert!(through.discord.requests().is_empty(), "past the proxy");
}

#[tokio::test]
async fn what_arrives_at_the_proxy_is_what_it_takes() {
    let (discord, proxy) = proxied(Age::Current).await;
    let app = instance(&proxy).await;
    for (tool, params) in calls(&discord) {
        app.invoke(tool, params).await.result();
    }
    let arrivals = proxy.arrivals();
    assert_eq!(arrivals.len(), discord.requests().len());
    for arrival in &arrivals {
        let method = arrival.method.as_str();
        assert!(["GET", "POST", "DELETE"].contains(&method), "{arrival:?}");
        let path = arrival.path.strip_prefix("/api/v10/");
        let path = path.unwrap_or_else(|| panic!("{arrival:?}"));
        assert!(
            path.starts_with("channels/") || path.starts_with("guilds/"),
            "{path}"
        );
        // Without one it would go out under the proxy's own token.
        let tokens: Vec<_> = arrival.headers.get_all("authorization").iter().collect();
        assert_eq!(tokens, [&format!("Bot {BOT_TOKEN}")]);
        for name in HOP_BY_HOP {
            assert!(!arrival.headers.contains_key(name), "{name}: {arrival:?}");
        }
        let agent = arrival.headers["user-agent"].to_str().unwrap();
        assert!(agent.starts_with("DiscordBot ("), "{agent}");
    }
    // And to Discord it goes under Discord's name.
    for seen in discord.requests() {
        assert_eq!(seen.header("host"), Some("discord.com"));
    }
}

#[tokio::test]
async fn each_bot_keeps_its_token_and_the_proxys_own_is_never_used() {
    let (discord, proxy) = proxied(Age::Current).await;
    let app = instance(&proxy).await;
    let bots = discord.with(|world| world.recruit(2));
    for bot in &bots {
        let token = tokens::token_with(json!({"discord_token": bot}));
        let answer = app.invoke_as(&token, "get_messages", read().params).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(discord.statuses(bot), BTreeMap::from([(200, 1)]));
    }
    assert!(discord.statuses(OWN_TOKEN).is_empty());
}

#[tokio::test]
async fn instances_that_share_a_proxy_and_a_bot_stay_within_its_limits() {
    let (discord, proxy) = proxied(Age::Current).await;
    let instances = [instance(&proxy).await, instance(&proxy).await];
    discord.enforce(Limits::new(&[Rule {
        routes: &[LIST],
        limit: 4,
        window: Duration::from_millis(200),
    }]));
    let calls = (0..24).map(|at| {
        let channel = [GENERAL, ANNOUNCEMENTS][at / 2 % 2];
        instances[at % 2].invoke("get_messages", json!({"channel_id": channel}))
    });
    for answer in join_all(calls).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(discord.statuses(BOT_TOKEN), BTreeMap::from([(200, 24)]));
}

#[tokio::test]
async fn what_was_refused_each_instance_learns_by_itself() {
    let (discord, proxy) = proxied(Age::Current).await;
    let [one, two] = [instance(&proxy).await, instance(&proxy).await];
    discord.with(|world| world.tokens.remove(BOT_TOKEN));
    for app in [&one, &one, &two, &two] {
        let answer = app.invoke("get_messages", read().params).await;
        assert_eq!(answer.code(), "discord_token_rejected");
    }
    assert_eq!(discord.statuses(BOT_TOKEN), BTreeMap::from([(401, 2)]));

    // The edge's refusal closes the way of the instance that met it.
    discord.fault(On::Any, 1, Fault::Html(403));
    let other = tokens::token_with(json!({"discord_token": OTHER_BOT_TOKEN}));
    let list = |app: &App| {
        let (client, url) = (app.client.clone(), app.url.clone());
        let request = client
            .post(format!("{url}/mcp/v1/tools/invoke"))
            .bearer_auth(&other)
            .header("content-type", "application/json");
        let params = json!({"channel_id": OTHER_CHANNEL});
        let call = json!({"method": "get_messages", "params": params});
        App::answer(request.body(call.to_string()))
    };
    assert_eq!(list(&one).await.code(), "discord_error");
    assert_eq!(list(&one).await.code(), "overloaded");
    assert_eq!(list(&two).await.status, 200);
    assert_eq!(one.get("/readyz", None).await.status, 503);
    assert_eq!(two.get("/readyz", None).await.status, 200);
}

#[tokio::test]
async fn a_502_of_the_proxy_leaves_open_what_happened_and_a_message_is_sent_once() {
    let (discord, proxy) = proxied(Age::Current).await;
    let app = instance(&proxy).await;
    discord.fault(On::Route(CREATE), 2, Fault::CutAfter);
    let answer = app.invoke("send_message", send().params).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sent = || {
        discord.with(|world| {
            let messages = world.messages(GENERAL);
            messages
                .iter()
                .filter(|message| message.content() == TEXT)
                .count()
        })
    };
    assert_eq!(sent(), 1);
    discord.fault(On::Route(CREATE), usize::MAX, Fault::CutAfter);
    let answer = app.invoke("send_message", send().params).await;
    let hint = "Read the channel before trying again: the change may have been made.";
    let error = json!({
        "code": "discord_error",
        "message": "Discord failed",
        "hint": hint,
        "discord": {"status": 502},
    });
    assert_failure(&answer, 502, error);
    assert_eq!(sent(), 2);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_got_nothing() {
    let (_discord, proxy) = proxied(Age::Current).await;
    let app = instance(&proxy).await;
    app.invoke("get_messages", read().params).await.result();
    drop(proxy);
    // The connection that was kept may end in the middle of a request; a new one cannot be made.
    app.invoke("get_messages", read().params).await;
    let answer = app.invoke("get_messages", read().params).await;
    let error = json!({
        "code": "discord_error",
        "message": "Discord could not be reached; nothing was sent",
        "hint": "Check the network and DISCORD_API_BASE, or try again in a moment.",
    });
    assert_failure(&answer, 502, error);
}

#[tokio::test]
async fn an_old_proxy_knows_all_paths_but_that_of_the_search() {
    let (discord, proxy) = proxied(Age::Old).await;
    let app = instance(&proxy).await;
    for (tool, params) in calls(&discord) {
        let answer = app.invoke(tool, params).await;
        if tool == "search_messages" {
            assert_eq!((answer.status, answer.code()), (502, "discord_error"));
            assert_eq!(answer.body["error"]["discord"]["status"], 501);
        } else {
            answer.result();
        }
    }
    let auto = json!({"channel_id": GENERAL, "query": "sensor"});
    let answer = app.invoke("search_messages", auto).await;
    assert_eq!(answer.result()["mode"], "scan");
    let why = "the way to Discord does not know the search of the index";
    assert_eq!(answer.result()["fallback"], why);
    assert_eq!(discord.violations(), Vec::<String>::new());
}
