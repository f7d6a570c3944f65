//! A table of attacks by name, each tried at the doors of one real server: none is let in, all read
//! the same 401, and nothing is recorded or sent to Discord on their behalf.
//!
//! The themes are files of their own: `attacks_algorithms`, `attacks_headers`, `attacks_texts`,
//! `attacks_claims`, `attacks_times`, `attacks_carriers`, `attacks_sealed`, `attacks_seals`. What is
//! let in, so that the table cannot hold because nothing works, is in `auth` and `sealing`.

use std::collections::HashSet;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::discord::StandIn;
use crate::support::discord::seed::{BOT_TOKEN, GENERAL};
use crate::support::mcp::{LEGACY, MODERN};
use crate::support::process::Process;
use crate::support::{Answer, App, Mcp, jwe, tokens};
use crate::{
    attacks_algorithms, attacks_carriers, attacks_claims, attacks_headers, attacks_sealed,
    attacks_seals, attacks_texts, attacks_times,
};

/// One way to try to get in.
pub struct Attack {
    pub name: String,
    pub means: Means,
}

/// Claims to change, as of this second.
pub type Now = fn(u64) -> Value;

/// What is sent.
pub enum Means {
    /// This token, as the one bearer.
    Bearer(String),
    /// A good token with these claims changed, which are wrong only in the second that is given.
    Now(Now),
    /// These headers instead of the one that counts.
    Headers(Vec<(&'static str, String)>),
    /// This query.
    Query(String),
    /// This body, of this content type.
    Body(&'static str, String),
}

/// An attack by a bearer.
pub fn bearer(name: impl Into<String>, token: impl Into<String>) -> Attack {
    let (name, means) = (name.into(), Means::Bearer(token.into()));
    Attack { name, means }
}

fn table(discord: &StandIn) -> Vec<Attack> {
    let mut table = attacks_algorithms::attacks();
    table.extend(attacks_headers::attacks(&discord.base()));
    table.extend(attacks_texts::attacks());
    table.extend(attacks_claims::attacks());
    table.extend(attacks_times::attacks());
    table.extend(attacks_carriers::attacks());
    table.extend(attacks_sealed::attacks());
    table.extend(attacks_seals::attacks());
    table
}

/// The requests that would do something for a caller who is let in, one a door.
struct Doors {
    url: String,
    client: reqwest::Client,
}

impl Doors {
    /// Each with its stride through the table: the two that call a tool meet every attack.
    const NAMES: [(&str, usize); 4] = [
        ("invoke", 1),
        ("mcp call", 1),
        ("list", 7),
        ("mcp handshake", 7),
    ];

    fn request(&self, door: usize, query: &str) -> RequestBuilder {
        let url = |path: &str| format!("{}{path}?{query}", self.url);
        let params = json!({"channel_id": GENERAL});
        let request = match door {
            0 => {
                let body = json!({"method": "get_channel_info", "params": params});
                let request = self.client.post(url("/mcp/v1/tools/invoke"));
                request
                    .header("content-type", "application/json")
                    .body(body.to_string())
            }
            1 => self.mcp(&url("/mcp"), MODERN).request(
                "tools/call",
                json!({"name": "get_channel_info", "arguments": params}),
            ),
            2 => self.client.get(url("/mcp/v1/tools")),
            _ => self.mcp(&url("/mcp"), LEGACY[2]).request(
                "initialize",
                json!({
                    "protocolVersion": LEGACY[2],
                    "capabilities": {},
                    "clientInfo": {"name": "tests", "version": "1"},
                }),
            ),
        };
        // The id is in the answer, which is otherwise the same for all.
        request.header("x-request-id", "the-same")
    }

    fn mcp(&self, url: &str, version: &'static str) -> Mcp {
        Mcp::at(url, &self.client, version).anonymous()
    }

    async fn attack(&self, door: usize, means: &Means) -> Answer {
        let as_bearer = |door: usize, token: &str| {
            let request = self.request(door, "");
            request.header("authorization", format!("Bearer {token}"))
        };
        let request = match means {
            Means::Bearer(token) => as_bearer(door, token),
            Means::Now(changes) => loop {
                let now = tokens::now();
                let token = tokens::token_with(changes(now));
                // What is wrong in this second may be right in the next, and is then let in: at the
                // door beside, where it leaves no trace.
                let answer = App::answer(as_bearer(door | 2, &token)).await;
                if answer.status == 401 || tokens::now() == now {
                    return answer;
                }
            },
            Means::Headers(headers) => headers
                .iter()
                .fold(self.request(door, ""), |request, (name, value)| {
                    request.header(*name, value.as_bytes())
                }),
            Means::Query(query) => self.request(door, query),
            Means::Body(kind, body) => {
                let request = self.request(door, "").build().unwrap();
                let (method, url) = (request.method().clone(), request.url().clone());
                let mut headers = request.headers().clone();
                headers.insert("content-type", kind.parse().unwrap());
                let request = self.client.request(method, url).headers(headers);
                request.body(body.clone())
            }
        };
        App::answer(request).await
    }
}

/// All that a caller sees, but for the date.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, &str) {
    let headers = answer.headers.iter();
    let mut headers: Vec<_> = headers
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, &answer.text)
}

/// What was answered otherwise than to a caller without a bearer, which must be refused.
async fn answered_otherwise(doors: &Doors, attacks: &[Attack]) -> (usize, Vec<String>) {
    let (mut tries, mut wrong) = (0, Vec::new());
    for (door, (name_of_door, step)) in Doors::NAMES.into_iter().enumerate() {
        let model = doors.attack(door, &Means::Headers(Vec::new())).await;
        let got = (model.status, model.code());
        assert_eq!(got, (401, "invalid_token"), "{name_of_door}");
        for Attack { name, means } in attacks.iter().step_by(step) {
            let answer = doors.attack(door, means).await;
            if seen(&answer) != seen(&model) {
                wrong.push(format!("{name_of_door}, {name}: {:?}", seen(&answer)));
            }
            tries += 1;
        }
    }
    (tries, wrong)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_of_the_table_is_let_in_and_all_read_the_same() {
    let discord = StandIn::start().await;
    let attacks = table(&discord);
    let names: HashSet<_> = attacks.iter().map(|attack| &*attack.name).collect();
    assert_eq!(names.len(), attacks.len(), "two attacks of one name");
    assert!(attacks.len() >= 80, "{} attacks", attacks.len());

    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(&dir.path().join("keys"));
    let base = discord.base();
    let server = Process::start(dir.path(), &[("DISCORD_API_BASE", &*base)]);
    let doors = Doors {
        url: server.url.clone(),
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
    };
    let (tries, wrong) = answered_otherwise(&doors, &attacks).await;
    let count = wrong.len();
    assert!(
        wrong.is_empty(),
        "{count} of {tries}:\n{}",
        wrong.join("\n")
    );
    assert!(discord.requests().is_empty());
    let audit = std::fs::read_to_string(dir.path().join("audit.log")).unwrap();
    let recorded = audit.contains("intent") || audit.contains("outcome");
    assert!(!recorded, "{audit}");

    // The same requests with good tokens, so that it was not the requests that were refused.
    for token in [tokens::token(), jwe::token(jwe::sealed(BOT_TOKEN))] {
        for (door, (name, _)) in Doors::NAMES.into_iter().enumerate() {
            let answer = doors.attack(door, &Means::Bearer(token.clone())).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        }
    }
    let (status, output) = server.stop();
    assert!(status.success());
    assert!(!output.contains("panicked"), "{output}");
    eprintln!("{} attacks, {tries} tries: 0 let in", attacks.len());
}
