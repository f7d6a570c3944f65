//! A bot in two hundred servers of five hundred channels each finds a channel by its name alone:
//! within the deadline, in 32 MiB more, and at once when it is asked again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_USER, GENERAL};
use crate::support::served::Server;
use crate::support::{Answer, App, tokens};

const SERVERS: u64 = 200;
const CHANNELS: u64 = 500;

async fn info(server: &Server, channel: &str) -> Answer {
    let body = json!({"method": "get_channel_info", "params": {"channel_id": channel}});
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/mcp/v1/tools/invoke", server.process.url);
    let request = client.post(url).bearer_auth(tokens::token());
    let request = request.header("content-type", "application/json");
    App::answer(request.body(body.to_string())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_servers_are_searched_for_a_name() {
    if !crate::wanted() {
        return;
    }
    let server = Server::start().await;
    let last = server.discord.with(|world| {
        let guild = world.guilds.values().next().unwrap().clone();
        let channel = world.channels[GENERAL].clone();
        let mut last = String::new();
        for number in 0..SERVERS {
            let id = 2_000_000_000_000_000_000 + number * 1_000;
            let mut guild = guild.clone();
            guild.name = format!("Server {number}");
            guild.bots = vec![BOT_USER.to_owned()];
            world.guilds.insert(id.to_string(), guild);
            for at in 1..=CHANNELS {
                let mut channel = channel.clone();
                last = (id + at).to_string();
                channel.json["id"] = json!(last);
                channel.json["guild_id"] = json!(id.to_string());
                channel.json["name"] = json!(format!("channel-{number}-{at}-of-many"));
                channel.messages.clear();
                world.channels.insert(last.clone(), channel);
            }
        }
        last
    });
    info(&server, GENERAL).await.result();
    let before = server.process.resident();
    let name = format!("#channel-{}-{CHANNELS}-of-many", SERVERS - 1);
    let began = Instant::now();
    let found = info(&server, &name).await;
    let cold = began.elapsed();
    assert_eq!(found.result()["id"], Value::from(last), "{}", found.text);
    let after = server.process.resident();
    let requests = server.discord.requests().len();
    let began = Instant::now();
    info(&server, &name).await.result();
    let warm = began.elapsed();
    assert_eq!(server.discord.requests().len(), requests + 1);
    println!(
        "catalogue: {SERVERS} servers of {CHANNELS} channels: cold {cold:.1?}, warm {warm:.1?}, {requests} requests, resident {before} -> {after} KiB"
    );
    assert!(cold < Duration::from_secs(30), "{cold:?}");
    assert!(after < before + (32 << 10), "{before} -> {after} KiB");
}
