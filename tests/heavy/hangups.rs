//! A thousand calls on each door whose client hangs up at a random moment: what happened on Discord
//! is in the trail, with the outcome that it really had.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::bots::{Bot, recruit};
use crate::callers::{Effects, MARK};
use crate::chance::Chance;
use crate::ledger::{Ledger, intact};
use crate::support::App;
use crate::support::discord::seed::{BOT_USER, GENERAL};
use crate::support::discord::{Fault, On};

const ABORTED: usize = 1000;
const CLIENTS: usize = 16;
/// Many, since one bot may send fifty requests a second, and calls beyond that are shed at once.
const BOTS: usize = 256;
/// The stand-in takes up to so long, and clients wait up to so long, in milliseconds: about half of
/// them hang up, however fast the machine is.
const DELAY: u64 = 40;

#[derive(Clone, Copy, Debug)]
enum Door {
    Rest,
    Mcp,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_client_hung_up_has_its_true_outcome_on_the_rest_door() {
    if crate::wanted() {
        hang_up(Door::Rest).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_client_hung_up_has_its_true_outcome_on_the_mcp_door() {
    if crate::wanted() {
        hang_up(Door::Mcp).await;
    }
}

/// How many calls ended in which way, as their clients saw it.
#[derive(Default)]
struct Ended {
    begun: AtomicUsize,
    aborted: AtomicUsize,
    answered: AtomicUsize,
}

async fn hang_up(door: Door) {
    let began = Instant::now();
    let mut chance = Chance::of("hangups");
    let app = Arc::new(App::start().await);
    let ended = Arc::new(Ended::default());
    let bots: Arc<[Bot]> = recruit(&app.discord, BOTS).into();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (app, ended) = (Arc::clone(&app), Arc::clone(&ended));
        clients.spawn(client(door, app, Arc::clone(&bots), ended, chance.branch()));
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let ledger = settled(&app).await;
    let effects = Effects::of(&app.discord);

    let (answered, aborted) = (&ended.answered, &ended.aborted);
    let (answered, aborted) = (
        answered.load(Ordering::Relaxed),
        aborted.load(Ordering::Relaxed),
    );
    let (unrecorded, unpaired) = (effects.without_record(&ledger, &[]), ledger.unpaired());
    let made_up = effects.made_up(&ledger);
    println!(
        "hangups: {door:?}: {aborted} calls aborted and {answered} answered in {:.1?}\n\
         hangups: {} became calls: {} with an intent, {} ok, {} cancelled; {} messages sent, {} deleted\n\
         hangups: {} effects without a true outcome, {} intents not closed once, {} outcomes made up",
        began.elapsed(),
        ledger.outcome_count(),
        ledger.intents.len(),
        ledger.count("ok"),
        ledger.count("cancelled"),
        effects.sent.len(),
        effects.deleted.len(),
        unrecorded.len(),
        unpaired.len(),
        made_up.len(),
    );
    let none = Vec::<String>::new();
    assert_eq!(ledger.unparsable, none);
    assert_eq!(unrecorded, none);
    assert_eq!(unpaired, none);
    assert_eq!(made_up, none);
    // Nothing else went wrong, and only what reads can be cancelled.
    let others = ledger.outcomes.values().flatten().filter(|line| {
        let read = line["tool"] == "get_messages" && line["status"] == "cancelled";
        line["status"] != "ok" && !read
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&Value>::new());
    assert_eq!(intact(&[&app.audit_log]), ledger.lines as u64);
    // The test is worth something only where effects outlived their clients.
    let done = effects.sent.len() + effects.deleted.len();
    assert!(aborted >= ABORTED && done > answered, "{done} effects");
}

/// Calls, and hangs up, until all clients together have hung up often enough.
async fn client(
    door: Door,
    app: Arc<App>,
    bots: Arc<[Bot]>,
    ended: Arc<Ended>,
    mut chance: Chance,
) {
    while ended.aborted.load(Ordering::Relaxed) < ABORTED {
        let number = ended.begun.fetch_add(1, Ordering::Relaxed);
        assert!(
            number < ABORTED * 3,
            "calls are answered before they are aborted"
        );
        let delay = chance.milliseconds(0, DELAY);
        let delay = if chance.percent(50) {
            Fault::Delay(delay)
        } else {
            Fault::DelayAfter(delay)
        };
        app.discord.fault(On::Any, 1, delay);
        let (tool, params) = match chance.below(10) {
            0..6 => {
                let text = format!("{MARK}{number}");
                (
                    "send_message",
                    json!({"channel_id": GENERAL, "message": text}),
                )
            }
            6 | 7 => {
                let target = app
                    .discord
                    .with(|world| world.post(GENERAL, BOT_USER, "to be deleted"));
                (
                    "moderate_content",
                    json!({"channel_id": GENERAL, "message_id": target}),
                )
            }
            _ => ("get_messages", json!({"channel_id": GENERAL, "limit": 2})),
        };
        let token = &bots[number % bots.len()].bearer;
        let request = request(door, &app.url, token, number, tool, &params);
        if call(&app, &request, &mut chance).await {
            ended.answered.fetch_add(1, Ordering::Relaxed);
        } else {
            ended.aborted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn request(
    door: Door,
    url: &str,
    token: &str,
    number: usize,
    tool: &str,
    params: &Value,
) -> Vec<u8> {
    let (path, body) = match door {
        Door::Rest => (
            "/mcp/v1/tools/invoke",
            json!({"method": tool, "params": params}),
        ),
        Door::Mcp => (
            "/mcp",
            json!({
                "jsonrpc": "2.0", "id": number, "method": "tools/call",
                "params": {"name": tool, "arguments": params},
            }),
        ),
    };
    let (host, body) = (url.trim_start_matches("http://"), body.to_string());
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
         mcp-protocol-version: 2025-11-25\r\nx-request-id: hang-{number}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends the request and hangs up at a random moment, politely or not, now and then before it has
/// sent all. Whether an answer came first.
async fn call(app: &App, request: &[u8], chance: &mut Chance) -> bool {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let patience = tokio::time::sleep(chance.milliseconds(0, DELAY));
    if chance.percent(5) {
        let part = chance.below(request.len());
        stream.write_all(&request[..part]).await.unwrap();
        patience.await;
        return false;
    }
    stream.write_all(request).await.unwrap();
    let mut answer = vec![0; 64 << 10];
    let answered = tokio::select! {
        () = patience => false,
        read = stream.read(&mut answer) => {
            let read = read.unwrap();
            let head = String::from_utf8_lossy(&answer[..read]);
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            true
        }
    };
    if chance.percent(50) {
        // A reset instead of an end.
        stream.set_zero_linger().unwrap();
    }
    answered
}

/// The trail once no call is in flight any more: each intent has its outcome, and for half a second
/// nothing was added.
async fn settled(app: &App) -> Ledger {
    let began = Instant::now();
    let mut length = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = std::fs::metadata(&app.audit_log).unwrap().len();
        if now == length {
            let ledger = Ledger::read(&[&app.audit_log]);
            if ledger.intents.len() <= ledger.outcomes.len() {
                return ledger;
            }
        }
        length = now;
        assert!(
            began.elapsed() < Duration::from_secs(40),
            "calls never ended"
        );
    }
}
