//! Two callers at once, with the same JSON-RPC ids: no answer, no token and no audit line crosses.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::discord::seed::{
    BOT_TOKEN, BOT_USER, GENERAL, GUILD, OTHER_BOT_TOKEN, OTHER_BOT_USER, OTHER_CHANNEL,
    OTHER_GUILD,
};
use crate::support::mcp::{LEGACY, MODERN};
use crate::support::{Answer, App, Mcp, tokens};

/// One of the two: everything by which an answer, a request or a line can be known as theirs.
#[derive(Clone, Copy)]
struct Caller {
    name: &'static str,
    jti: &'static str,
    bot_token: &'static str,
    bot_user: &'static str,
    guild: &'static str,
    channel: &'static str,
    channel_name: &'static str,
}

const CALLERS: [Caller; 2] = [
    Caller {
        name: "ada",
        jti: "jti-of-ada",
        bot_token: BOT_TOKEN,
        bot_user: BOT_USER,
        guild: GUILD,
        channel: GENERAL,
        channel_name: "general",
    },
    Caller {
        name: "bea",
        jti: "jti-of-bea",
        bot_token: OTHER_BOT_TOKEN,
        bot_user: OTHER_BOT_USER,
        guild: OTHER_GUILD,
        channel: OTHER_CHANNEL,
        channel_name: "lobby",
    },
];

/// How many may be on their way at once.
const AT_ONCE: usize = 32;

impl Caller {
    fn token(&self) -> String {
        tokens::token_with(json!({
            "sub": self.name,
            "jti": self.jti,
            "discord_token": self.bot_token,
        }))
    }

    /// The id of the HTTP request, by which an audit line can be told.
    fn request_id(&self, round: usize) -> String {
        format!("{}-{round}", self.name)
    }

    /// The call of this round: both callers make the same one, each where they live.
    fn call(&self, round: usize) -> (&'static str, Value) {
        let tool = |name: &str, more: Value| {
            let mut arguments = json!({"channel_id": self.channel});
            let more = more.as_object().unwrap().clone();
            arguments.as_object_mut().unwrap().extend(more);
            ("tools/call", json!({"name": name, "arguments": arguments}))
        };
        match round % 5 {
            0 => tool("send_message", json!({"message": self.request_id(round)})),
            1 => tool("get_channel_info", json!({})),
            2 => tool("get_messages", json!({"limit": 1})),
            3 => tool(
                "search_messages",
                json!({"query": self.name, "mode": "scan", "limit": 1, "max_scan": 1}),
            ),
            _ => {
                let uri = format!("discord://channels/{}", self.channel);
                ("resources/read", json!({"uri": uri}))
            }
        }
    }

    /// The answer is to this caller's call of this round, and of nobody else's world.
    fn assert_theirs(&self, round: usize, answer: &Answer) {
        assert_eq!(answer.body["id"], round, "{}", answer.text);
        let id = self.request_id(round);
        assert_eq!(answer.header("x-request-id"), Some(&*id));
        let result = answer.result();
        let content = &result["structuredContent"];
        match round % 5 {
            0 => {
                assert_eq!(content["message"]["content"], id);
                assert_eq!(content["message"]["author"]["id"], self.bot_user);
            }
            1 => assert_eq!(content["name"], self.channel_name),
            2 => assert_eq!(content["messages"][0]["channel_id"], self.channel),
            3 => assert_eq!(content["mode"], "scan"),
            _ => {
                let text = result["contents"][0]["text"].as_str().unwrap();
                assert!(text.contains(self.channel_name), "{text}");
            }
        }
        let [other] = CALLERS
            .iter()
            .filter(|other| other.name != self.name)
            .collect::<Vec<_>>()[..]
        else {
            panic!("there are two callers");
        };
        let marker = format!("{}-", other.name);
        for theirs in [&marker, other.channel, other.guild, other.bot_user] {
            assert!(!answer.text.contains(theirs), "{}", answer.text);
        }
    }
}

/// Makes that many calls, half of them each caller's.
async fn interleave(app: &Arc<App>, calls: usize) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = tokio::task::JoinSet::new();
    let clients = CALLERS.map(|caller| (caller, caller.token()));
    for round in 0..calls / 2 {
        for (caller, token) in &clients {
            let (caller, app) = (*caller, Arc::clone(app));
            let version = if round % 7 == 0 { LEGACY[2] } else { MODERN };
            let client = Mcp::legacy(&app, version).token(token).id(round);
            let place = Arc::clone(&places).acquire_owned().await.unwrap();
            running.spawn(async move {
                let (method, params) = caller.call(round);
                let request = client.request(method, params);
                let request = request.header("x-request-id", caller.request_id(round));
                let answer = App::answer(request).await;
                caller.assert_theirs(round, &answer);
                drop((place, app));
            });
        }
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

/// Every request carried the token of the bot whose channel or guild it named.
fn assert_tokens_apart(app: &App, calls: usize) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for seen in app.discord.requests() {
        let owner = CALLERS
            .iter()
            .find(|caller| seen.path.contains(caller.channel) || seen.path.contains(caller.guild));
        let owner = owner.unwrap_or_else(|| panic!("nobody asked for {}", seen.path));
        let expected = format!("Bot {}", owner.bot_token);
        assert_eq!(
            seen.header("authorization"),
            Some(&*expected),
            "{}",
            seen.path
        );
        let body = String::from_utf8_lossy(&seen.body);
        if body.contains("\"content\"") {
            assert!(body.contains(&format!("\"{}-", owner.name)), "{body}");
        }
        *counts.entry(owner.name).or_default() += 1;
    }
    // Which guild a channel is of may be asked once more, where two calls wonder at once.
    assert!(
        counts.values().all(|&count| count >= calls / 2),
        "{counts:?}"
    );
}

/// Every line is of the caller whose request it names, and every call has its one outcome.
fn assert_lines_apart(app: &App, calls: usize) {
    let mut outcomes: HashMap<String, usize> = HashMap::new();
    for line in app.audit() {
        let id = line["request_id"].as_str().unwrap();
        let (name, round) = id.split_once('-').unwrap();
        let caller = CALLERS.iter().find(|caller| caller.name == name).unwrap();
        let (_, params) = caller.call(round.parse().unwrap());
        assert_eq!(line["user_id"], caller.name, "{line}");
        assert_eq!(line["jti"], caller.jti, "{line}");
        assert_eq!(line["params"]["channel_id"], caller.channel, "{line}");
        if let Some(arguments) = params.get("arguments") {
            assert_eq!(line["params"], *arguments, "{line}");
            assert_eq!(line["tool"], params["name"], "{line}");
        }
        if line["stage"] == "outcome" {
            assert_eq!(line["status"], "ok", "{line}");
            assert_eq!(line["channel_id"], caller.channel, "{line}");
            *outcomes.entry(id.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(outcomes.len(), calls);
    assert!(outcomes.values().all(|&count| count == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_crosses_between_two_callers_with_equal_ids() {
    let heavy = std::env::var("RUN_HEAVY_TESTS").is_ok_and(|value| value == "1");
    let calls = if heavy { 10_000 } else { 400 };
    let app = Arc::new(App::start().await);
    interleave(&app, calls).await;
    assert_tokens_apart(&app, calls);
    assert_lines_apart(&app, calls);
    let sent = app.discord.with(|world| {
        CALLERS.map(|caller| {
            let messages = world.messages(caller.channel);
            let ours = messages.iter().filter(|message| {
                let by = caller.name.to_owned() + "-";
                message.content().starts_with(&by)
            });
            ours.count()
        })
    });
    assert_eq!(sent, [calls / 10; 2]);
}
