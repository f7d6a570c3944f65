//! SIGTERM with fifty calls in flight, at moments of all kinds: fifty are answered and recorded, and
//! the process is gone in time, whoever else keeps it waiting.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::ledger::{Ledger, intact};
use crate::steady::Steady;
use crate::support::discord::seed::GENERAL;
use crate::support::raw::{HALF_HEAD, HEALTH, Raw, call_of};

const ROUNDS: usize = 12;
const CALLS: usize = 50;
/// How long Discord takes, for the message and for where its channel is. The signal comes at any time
/// until shortly after that.
const TAKES: u64 = 600;
const IN_TIME: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_answers_and_records_what_is_in_flight() {
    if !crate::wanted() {
        return;
    }
    let mut chance = Chance::of("stop");
    let (mut longest, mut waited) = (Duration::ZERO, 0);
    for round in 0..ROUNDS {
        // Half of them while answers leave.
        let least = if round % 2 == 0 { 0 } else { 2 * TAKES - 100 };
        let moment = chance.milliseconds(least, 2 * TAKES + 100);
        let (took, answered_after) = stop(round, moment).await;
        longest = longest.max(took);
        waited += answered_after;
    }
    println!(
        "stop: {ROUNDS} times SIGTERM with {CALLS} calls in flight and four clients that keep it waiting: \
         all answered and recorded, {waited} of {} after the signal, gone after {longest:.2?} at most",
        ROUNDS * CALLS
    );
    // The test is worth something only where calls were in flight.
    assert!(waited > ROUNDS * CALLS / 3, "{waited}");
}

/// One stop, at this moment after all calls have come to Discord. How long it took, and how many
/// calls were not recorded when it began.
async fn stop(round: usize, moment: Duration) -> (Duration, usize) {
    let mut steady = Steady::start(Duration::from_millis(TAKES), &[]).await;
    let url = steady.server.url.clone();
    let mut half_head = Raw::open(&url).await;
    half_head.send(HALF_HEAD).await;
    let mut half_body = Raw::open(&url).await;
    half_body.half_body().await;
    let mut idle = Raw::open(&url).await;
    assert_eq!(idle.ask(HEALTH).await.status, 200);
    let waiting = [half_head, half_body, idle, Raw::open(&url).await];
    let mut callers = Vec::new();
    for at in 0..CALLS {
        // A few of them on connections that have been used.
        let mut caller = Raw::open(&url).await;
        if at % 5 == 0 {
            assert_eq!(caller.ask(HEALTH).await.status, 200);
        }
        let params = json!({"channel_id": GENERAL, "message": format!("bye {at}")});
        let body = json!({"method": "send_message", "params": params}).to_string();
        let id = format!("r{round}-{at}");
        let call = call_of(&steady.bots[at].bearer, &id, &body);
        caller.send(&call).await;
        callers.push((id, caller));
    }
    let patience = Instant::now();
    // The place of a channel is looked up after the message is sent.
    while steady.upstream.asked() < CALLS {
        assert!(patience.elapsed() < IN_TIME, "{}", steady.upstream.asked());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(moment).await;
    let log = steady.dir().join("audit.log");
    let outcomes = |text: String| text.matches(r#""stage":"outcome""#).count();
    let before = outcomes(std::fs::read_to_string(&log).unwrap());
    let began = Instant::now();
    steady.server.signal("TERM");
    let (status, output) = steady.server.wait();
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(took < IN_TIME, "{took:?}");

    let ledger = Ledger::read(&[&log]);
    for (id, mut caller) in callers {
        let answer = caller.answer().await;
        assert_eq!(answer.status, 200, "{id} {moment:?}: {}", answer.text);
        assert_eq!(caller.rest().await, "");
        let outcome = ledger.outcome_of(&id).unwrap();
        assert_eq!(outcome["success"], Value::Bool(true), "{outcome}");
    }
    for mut client in waiting {
        assert_eq!(client.rest().await, "");
    }
    assert_eq!((ledger.outcome_count(), ledger.unpaired()), (CALLS, vec![]));
    intact(&[&log]);
    (took, CALLS - before)
}
