//! The client under the tools: what every request to Discord carries, where it goes, how many there
//! are. What becomes of answers that are none is in `discord_answers.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::support::discord::seed::{
    BOT_TOKEN, FIRST_MESSAGE, GENERAL, GUILD, OTHER_BOT_TOKEN, OTHER_CHANNEL,
};
use crate::support::discord::{Fault, On, StandIn};
use crate::support::{App, tokens};

/// A call of each tool, and the requests that it costs in a channel not seen before.
fn calls() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    vec![
        ("get_channel_info", json!({}), vec!["GET channel"]),
        ("get_messages", json!({"limit": 100}), vec!["GET messages"]),
        (
            "send_message",
            json!({"message": "hello"}),
            vec!["POST messages", "GET channel"],
        ),
        (
            "search_messages",
            json!({"query": "hello"}),
            vec!["GET channel", "GET search"],
        ),
        (
            "search_messages",
            json!({"query": "hello", "mode": "scan"}),
            vec!["GET messages"],
        ),
        (
            "moderate_content",
            json!({"message_id": FIRST_MESSAGE, "dry_run": true}),
            vec!["GET message"],
        ),
        (
            "moderate_content",
            json!({"message_id": FIRST_MESSAGE}),
            vec!["DELETE message"],
        ),
    ]
}

fn in_general(params: &Value) -> Value {
    let mut params = params.clone();
    params["channel_id"] = json!(GENERAL);
    params
}

/// Method and kind of each request.
fn asked(discord: &StandIn) -> Vec<String> {
    let requests = discord.requests();
    requests
        .iter()
        .map(|seen| {
            let path = seen.path.strip_prefix("/api/v10/").unwrap();
            let pieces: Vec<_> = path.split('/').collect();
            let kind = match *pieces {
                ["channels", GENERAL] => "channel",
                ["channels", GENERAL, "messages"] => "messages",
                ["channels", GENERAL, "messages", FIRST_MESSAGE] => "message",
                ["guilds", GUILD, "messages", "search"] => "search",
                _ => path,
            };
            format!("{} {kind}", seen.method)
        })
        .collect()
}

#[tokio::test]
async fn each_tool_costs_its_requests_and_no_login() {
    for (tool, params, requests) in calls() {
        let app = App::start().await;
        let answer = app.invoke(tool, in_general(&params)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(asked(&app.discord), requests, "{tool} {params}");
    }
}

#[tokio::test]
async fn every_request_carries_the_bot_token_and_a_user_agent_and_no_jwt() {
    let app = App::start().await;
    let jwt = tokens::token();
    for (tool, params, _) in calls() {
        app.invoke_as(&jwt, tool, in_general(&params)).await;
    }
    let requests = app.discord.requests();
    assert_eq!(requests.len(), 7);
    for seen in requests {
        assert_eq!(
            seen.header("authorization"),
            Some("Bot MTE4MDAwMDAwMDAwMDAwMDA3Nw.GFaKe0.this-is-not-a-real-token-0000000000000")
        );
        assert_eq!(
            seen.header("user-agent"),
            Some("DiscordBot (https://github.com/serenity-rs/serenity, 0.12.5)")
        );
        for (name, value) in &seen.headers {
            let value = value.to_str().unwrap();
            assert!(!value.contains(&jwt), "{name}");
            assert!(!value.contains("jti-of-the-test"), "{name}");
        }
        assert!(!seen.raw_query.contains(BOT_TOKEN));
        assert!(!seen.path.contains(BOT_TOKEN));
    }
}

#[tokio::test]
async fn each_call_uses_the_bot_token_of_its_own_jwt() {
    let app = App::start().await;
    let other = tokens::token_with(json!({"discord_token": OTHER_BOT_TOKEN}));
    let own = tokens::token();
    let calls = (0..20).map(|number| {
        let (token, channel) = if number % 2 == 0 {
            (&own, GENERAL)
        } else {
            (&other, OTHER_CHANNEL)
        };
        app.invoke_as(
            token,
            "get_messages",
            json!({"channel_id": channel, "limit": 1}),
        )
    });
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.result()["messages"].as_array().unwrap().len(), 1);
    }
    let requests = app.discord.requests();
    assert_eq!(requests.len(), 20);
    for seen in requests {
        let token = if seen.path.contains(GENERAL) {
            BOT_TOKEN
        } else {
            OTHER_BOT_TOKEN
        };
        let expected = format!("Bot {token}");
        assert_eq!(seen.header("authorization"), Some(&*expected));
    }
}

#[tokio::test]
async fn requests_go_to_the_configured_api_and_nowhere_else() {
    let (one, other) = (App::start().await, App::start().await);
    other
        .discord
        .with(|world| world.channel_mut(GENERAL).json["name"] = json!("other"));
    for (tool, params, _) in calls() {
        one.invoke(tool, in_general(&params)).await;
    }
    assert_eq!(one.discord.requests().len(), 7);
    assert!(other.discord.requests().is_empty());
    let answer = other
        .invoke("get_channel_info", json!({"channel_id": GENERAL}))
        .await;
    assert_eq!(answer.result()["name"], "other");
    assert_eq!(one.discord.requests().len(), 7);
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_address_changes_nothing() {
    let discord = StandIn::start().await;
    let base = format!("{}/", discord.base());
    let app = App::with(&[("DISCORD_API_BASE", &*base)]).await;
    for (tool, params, _) in calls() {
        let answer = app.invoke(tool, in_general(&params)).await;
        assert_eq!(answer.status, 200, "{tool}: {}", answer.text);
    }
    assert_eq!(discord.requests().len(), 7);
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn no_redirect_carries_the_token_to_another_host() {
    let elsewhere = StandIn::start().await;
    for status in [301, 302, 307, 308] {
        for (tool, params, _) in calls() {
            let app = App::start().await;
            let fault = Fault::Respond {
                status,
                headers: vec![(
                    "location".into(),
                    format!("{}/api/v10/channels/{GENERAL}", elsewhere.base()),
                )],
                body: Vec::new(),
            };
            app.discord.fault(On::Any, 1, fault);
            let answer = app.invoke(tool, in_general(&params)).await;
            assert_eq!(app.discord.requests().len(), 1, "{tool}");
            if params["dry_run"] == true {
                continue; // `moderate_dry_run.rs` has what it answers.
            }
            assert_eq!(
                (answer.status, &answer.body["error"]),
                (
                    502,
                    &json!({
                        "code": "discord_error",
                        "message": "Discord answered in a way that this server does not expect",
                        "discord": {"status": status},
                    })
                ),
                "{tool}"
            );
        }
    }
    assert!(elsewhere.requests().is_empty());
}

/// Passes connections on to the stand-in and counts them.
async fn counting_proxy(discord: &StandIn) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let target = discord.base().trim_start_matches("http://").to_owned();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let target = target.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(target).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server)
                    .await
                    .ok();
            });
        }
    });
    (base, count)
}

#[tokio::test]
async fn calls_share_their_connections() {
    let discord = StandIn::start().await;
    let (base, connections) = counting_proxy(&discord).await;
    let app = App::with(&[("DISCORD_API_BASE", &*base)]).await;
    for _ in 0..3 {
        for (tool, params, _) in calls() {
            app.invoke(tool, in_general(&params)).await;
        }
    }
    assert!(discord.requests().len() >= 20);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_api_that_cannot_be_reached_is_told_and_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let app = App::with(&[("DISCORD_API_BASE", &*base)]).await;
    for (tool, params, _) in calls() {
        if params["dry_run"] == true {
            continue; // `moderate_dry_run.rs` has what it answers.
        }
        let answer = app.invoke(tool, in_general(&params)).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (
                502,
                &json!({
                    "code": "discord_error",
                    "message": "Discord could not be reached; nothing was sent",
                    "hint": "Check the network and DISCORD_API_BASE, or try again in a moment.",
                })
            ),
            "{tool}"
        );
    }
}
