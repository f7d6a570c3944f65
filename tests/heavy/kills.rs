//! Two hundred kills at random moments under 32 concurrent clients. What the clients, the stand-in
//! for Discord and the trail saw is compared: nobody was answered, and nothing happened, that the
//! trail does not tell of.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::callers::{Callers, Effects, answers_without_outcome};
use crate::chance::Chance;
use crate::ledger::{Ledger, intact};
use crate::support::discord::{Fault, On, StandIn};
use crate::support::process::{Process, binary};
use crate::support::tokens;

const KILLS: usize = 200;
const CLIENTS: usize = 32;
/// After so many kills one comes while the server starts and mends its trail.
const KILL_A_START: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_or_done_before_a_kill_is_in_the_trail() {
    if !crate::wanted() {
        return;
    }
    let began = Instant::now();
    let mut chance = Chance::of("kills");
    let discord = StandIn::start().await;
    // The effect is there at once and its answer a little later, so that many kills fall between.
    let slow = Fault::DelayAfter(Duration::from_millis(3));
    for route in [
        "POST /channels/{channel_id}/messages",
        "DELETE /channels/{channel_id}/messages/{message_id}",
        "POST /channels/{channel_id}/messages/bulk-delete",
    ] {
        discord.fault(On::Route(route), usize::MAX, slow.clone());
    }
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    tokens::install_keys(&dir.path().join("keys"));
    let base = discord.base();
    let variables = [("DISCORD_API_BASE", base.as_str()), ("AUDIT_SYNC", "off")];

    let mut server = Process::start(dir.path(), &variables);
    let callers = Callers::start(CLIENTS, &server.url, &discord, &mut chance);
    let (mut idle, mut killed_starts) = (0, 0);
    for kill in 1..=KILLS {
        let before = callers.answered();
        tokio::time::sleep(chance.milliseconds(20, 150)).await;
        // Dropped, it is killed with SIGKILL.
        drop(server);
        callers.turn_to("");
        idle += usize::from(callers.answered() == before);
        if kill % KILL_A_START == 0 {
            kill_a_start(dir.path(), &variables, chance.milliseconds(0, 80));
            killed_starts += 1;
        }
        server = Process::start(dir.path(), &variables);
        callers.turn_to(&server.url);
        // What the stand-in remembers of requests is of no use here.
        discord.clear_requests();
    }
    let seen = callers.stop().await;
    let (status, output) = server.stop();
    assert!(status.success(), "{output}");
    let took = began.elapsed();

    let ledger = Ledger::read(&[&log]);
    let effects = Effects::of(&discord);
    let unheard = answers_without_outcome(&seen.answers, &ledger);
    let unrecorded = effects.without_record(&ledger, &["unknown"]);
    let (unpaired, made_up) = (ledger.unpaired(), effects.made_up(&ledger));
    let torn = ledger.checkpoints.iter();
    let torn = torn.filter(|line| line.get("torn_bytes").is_some()).count();
    println!(
        "kills: {KILLS} under {CLIENTS} clients, and {killed_starts} of a start, in {took:.1?}\n\
         kills: the clients got {} answers, and none to {} calls; {idle} kills came before any\n\
         kills: the stand-in saw {} messages sent and {} deleted\n\
         kills: the trail has {} lines, {} unparsable: {} intents, {} outcomes ({} unknown), {torn} torn\n\
         kills: {} answers without outcome, {} effects without record, {} intents not closed once, {} outcomes made up",
        seen.answers.len(),
        seen.unanswered,
        effects.sent.len() + effects.deleted.len(),
        effects.deleted.len(),
        ledger.lines,
        ledger.unparsable.len(),
        ledger.intents.len(),
        ledger.outcome_count(),
        ledger.count("unknown"),
        unheard.len(),
        unrecorded.len(),
        unpaired.len(),
        made_up.len(),
    );
    let none = Vec::<String>::new();
    assert_eq!(ledger.unparsable, none);
    assert_eq!(unheard, none);
    assert_eq!(unrecorded, none);
    assert_eq!(unpaired, none);
    assert_eq!(made_up, none);
    assert_eq!(intact(&[&log]), ledger.lines as u64);
    // The test is worth something only where kills cut calls off.
    assert!(
        ledger.count("unknown") >= KILLS / 4,
        "hardly a kill hit a call"
    );
    assert!(seen.answers.len() >= KILLS * 2 && idle <= KILLS / 2);
}

/// Kills a server before it serves: while it reads its keys, or mends the trail.
fn kill_a_start(dir: &Path, variables: &[(&str, &str)], after: Duration) {
    let mut child = binary(dir, variables)
        .env("BIND_ADDR", "127.0.0.1:0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}
