//! Clients that call a server without a pause, outlive it, and remember every answer they got.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::bots::{Bot, recruit};
use crate::chance::Chance;
use crate::ledger::Ledger;
use crate::support::discord::StandIn;
use crate::support::discord::seed::GENERAL;

/// What every message of theirs begins with.
pub const MARK: &str = "heavy ";
/// Each call has one of so many: one bot may send fifty requests a second, and its other calls wait.
const BOTS: usize = 64;
/// How long a client waits after a call that nobody answered, or while there is no server.
const PAUSE: Duration = Duration::from_millis(3);

/// An answer that a client got.
pub struct Answer {
    /// The id of its request, which the client chose.
    pub request: String,
    /// What the trail must call it: `ok`, or the code of the error. `None` where the answer broke
    /// off before it said.
    pub word: Option<String>,
}

/// The clients.
pub struct Callers {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// What the clients share with the test.
#[derive(Default)]
struct Shared {
    url: RwLock<String>,
    stop: AtomicBool,
    answers: Mutex<Vec<Answer>>,
    unanswered: AtomicUsize,
    /// Messages that were sent and nobody has asked to delete.
    posted: Mutex<Vec<String>>,
}

/// What all clients together saw.
pub struct Seen {
    pub answers: Vec<Answer>,
    /// Calls whose connection ended, or was refused, before an answer began.
    pub unanswered: usize,
}

impl Callers {
    /// So many clients with bots of this world, on the multi-threaded runtime of the test.
    pub fn start(count: usize, url: &str, discord: &StandIn, chance: &mut Chance) -> Self {
        let bots: Arc<[Bot]> = recruit(discord, BOTS).into();
        let shared = Arc::new(Shared {
            url: RwLock::new(url.to_owned()),
            ..Shared::default()
        });
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let client = Client {
                shared: Arc::clone(&shared),
                http: client(),
                bots: Arc::clone(&bots),
                number,
                chance: chance.branch(),
            };
            tasks.spawn(client.run());
        }
        Self { shared, tasks }
    }

    /// Where the server is from now on. With nothing, clients wait.
    pub fn turn_to(&self, url: &str) {
        url.clone_into(&mut self.shared.url.write().unwrap());
    }

    /// How many answers there are so far.
    pub fn answered(&self) -> usize {
        self.shared.answers.lock().unwrap().len()
    }

    /// Lets each client finish the call it is in.
    pub async fn stop(mut self) -> Seen {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        Seen {
            answers: std::mem::take(&mut *self.shared.answers.lock().unwrap()),
            unanswered: self.shared.unanswered.load(Ordering::Relaxed),
        }
    }
}

/// A client that gives up on a call after half a minute.
pub fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    builder.timeout(Duration::from_secs(30)).build().unwrap()
}

struct Client {
    shared: Arc<Shared>,
    http: reqwest::Client,
    bots: Arc<[Bot]>,
    number: usize,
    chance: Chance,
}

impl Client {
    async fn run(mut self) {
        for turn in 0.. {
            if self.shared.stop.load(Ordering::Relaxed) {
                return;
            }
            let url = self.shared.url.read().unwrap().clone();
            if url.is_empty() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let request = format!("c{}-{turn}", self.number);
            let call = self.call(&request);
            let bot = self.chance.below(self.bots.len());
            let sent = call["method"] == "send_message";
            let asked = self
                .http
                .post(format!("{url}/mcp/v1/tools/invoke"))
                .bearer_auth(&self.bots[bot].bearer)
                .header("content-type", "application/json")
                .header("x-request-id", &request)
                .body(call.to_string());
            let Ok(response) = asked.send().await else {
                self.shared.unanswered.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // From here on there is an answer, even if its body never comes.
            let id = response.headers().get("x-request-id");
            assert_eq!(id.unwrap().to_str().unwrap(), request);
            let text = response.text().await.unwrap_or_default();
            let body: Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(id) = body["result"]["message"]["id"].as_str().filter(|_| sent) {
                self.shared.posted.lock().unwrap().push(id.to_owned());
            }
            let word = match body["success"].as_bool() {
                Some(true) => Some("ok".to_owned()),
                Some(false) => Some(body["error"]["code"].as_str().unwrap().to_owned()),
                None => None,
            };
            let answer = Answer { request, word };
            self.shared.answers.lock().unwrap().push(answer);
        }
    }

    /// The next call: half of them send, a fifth delete one or two messages, some are refused.
    fn call(&mut self, request: &str) -> Value {
        let ids = match self.chance.below(10) {
            0..5 => {
                let text = format!("{MARK}{request} \"quoted\"\n{{}}");
                let params = json!({"channel_id": GENERAL, "message": text});
                return json!({"method": "send_message", "params": params});
            }
            5 | 6 => {
                let mut posted = self.shared.posted.lock().unwrap();
                let count = posted.len().min(1 + self.chance.below(2));
                let rest = posted.len() - count;
                posted.split_off(rest)
            }
            7 => {
                let params = json!({"channel_id": GENERAL, "limit": 1000});
                return json!({"method": "get_messages", "params": params});
            }
            _ => Vec::new(),
        };
        let params = match &ids[..] {
            [] => {
                let params = json!({"channel_id": GENERAL, "limit": 3});
                return json!({"method": "get_messages", "params": params});
            }
            [one] => json!({"channel_id": GENERAL, "message_id": one}),
            more => json!({"channel_id": GENERAL, "message_ids": more}),
        };
        json!({"method": "moderate_content", "params": params})
    }
}

/// The trail against the answers: each must have one outcome, which says what the answer said.
/// What is wrong, where something is.
pub fn answers_without_outcome(answers: &[Answer], ledger: &Ledger) -> Vec<String> {
    let wrong = answers.iter().filter_map(|answer| {
        let outcome = match ledger.outcome_of(&answer.request) {
            Ok(outcome) => outcome,
            Err(wrong) => return Some(wrong),
        };
        let status = outcome["status"].as_str().unwrap_or_default();
        // Whoever got any of an answer got it after its outcome, so the outcome is known.
        let fits = answer
            .word
            .as_ref()
            .map_or(status != "unknown", |word| word == status);
        let success = outcome["success"] == (status == "ok");
        (!fits || !success).then(|| {
            format!(
                "{} was answered {:?} and recorded {outcome}",
                answer.request, answer.word
            )
        })
    });
    wrong.collect()
}

/// What happened in the stand-in, by what the trail must say of it.
pub struct Effects {
    /// Messages of the clients: id and text.
    pub sent: Vec<(String, String)>,
    /// Ids of the messages that were deleted.
    pub deleted: Vec<String>,
}

impl Effects {
    pub fn of(discord: &StandIn) -> Self {
        discord.with(|world| {
            let messages = world.messages(GENERAL).into_iter();
            let ours = messages.filter(|message| message.content().starts_with(MARK));
            Self {
                sent: ours
                    .map(|message| (message.id().to_owned(), message.content().to_owned()))
                    .collect(),
                deleted: world.deletions.iter().map(|gone| gone.id.clone()).collect(),
            }
        })
    }

    /// Each effect must have an intent, and that call an outcome: `ok` that names it, or one of
    /// `others`. What is wrong, where something is.
    pub fn without_record(&self, ledger: &Ledger, others: &[&str]) -> Vec<String> {
        let mut by_text = std::collections::HashMap::new();
        let mut by_id = std::collections::HashMap::new();
        for (call, lines) in &ledger.intents {
            let params = &lines[0]["params"];
            if let Some(text) = params["message"].as_str() {
                by_text.insert(text, call);
            }
            let many = params["message_ids"].as_array().into_iter().flatten();
            for id in many.chain([&params["message_id"]]) {
                if let Some(id) = id.as_str() {
                    by_id.insert(id, call);
                }
            }
        }
        let check = |what: &str, id: &str, call: Option<&&String>| {
            let Some(call) = call else {
                return Some(format!("{id} was {what} without an intent"));
            };
            let outcomes = ledger.outcomes.get(*call).map_or(&[][..], Vec::as_slice);
            let [outcome] = outcomes else {
                return Some(format!("{id} was {what}: {} outcomes", outcomes.len()));
            };
            let status = outcome["status"].as_str().unwrap_or_default();
            let named = outcome["message_ids"]
                .as_array()
                .is_some_and(|ids| ids.iter().any(|named| named == id));
            let told = (status == "ok" && named) || others.contains(&status);
            (!told).then(|| format!("{id} was {what} and recorded {outcome}"))
        };
        let sent = self.sent.iter();
        let sent = sent.filter_map(|(id, text)| check("sent", id, by_text.get(text.trim_end())));
        let deleted = self.deleted.iter();
        let deleted = deleted.filter_map(|id| check("deleted", id, by_id.get(id.as_str())));
        sent.chain(deleted).collect()
    }

    /// Every outcome `ok` of a write must name what really happened. What is wrong, where something
    /// is.
    pub fn made_up(&self, ledger: &Ledger) -> Vec<String> {
        let sent = self.sent.iter().map(|(id, _)| id.as_str());
        let real: std::collections::HashSet<&str> = sent
            .chain(self.deleted.iter().map(String::as_str))
            .collect();
        let outcomes = ledger.outcomes.values().flatten();
        let claims = outcomes.filter(|line| {
            line["status"] == "ok"
                && (line["tool"] == "send_message" || line["tool"] == "moderate_content")
        });
        let wrong = claims.filter(|line| {
            let ids = line["message_ids"].as_array();
            ids.is_none_or(|ids| ids.iter().any(|id| !real.contains(id.as_str().unwrap())))
        });
        wrong.map(ToString::to_string).collect()
    }
}
