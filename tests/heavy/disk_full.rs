//! Disks that take no more lines: a file system that is really full, one that is read-only, a folder
//! that is moved away. Calls are refused, the trail stays whole, and when the disk is well again, so
//! is the server, without a restart.
//!
//! Where mounting is not allowed, those that need it say so and are skipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::callers::{MARK, client};
use crate::ledger::{Ledger, intact};
use crate::support::app::Answer;
use crate::support::discord::StandIn;
use crate::support::discord::seed::GENERAL;
use crate::support::process::Process;
use crate::support::{App, tokens};

/// How often a disk fills up.
const ROUNDS: usize = 8;
/// By how much messages, and so lines, differ in length: now an intent and now an outcome is the
/// first line that does not fit.
const PADDING: usize = 400;

/// A file system of its own, which goes when it is dropped.
struct Mount(PathBuf);

impl Mount {
    /// Mounts a tmpfs there; `None` where that is not allowed, which is said.
    fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        let arguments = ["-t", "tmpfs", "-o", options, "tmpfs"];
        let said = Command::new("mount").args(arguments).arg(at).output();
        match said {
            Ok(said) if said.status.success() => Some(Self(at.to_owned())),
            Ok(said) => {
                let reason = String::from_utf8_lossy(&said.stderr);
                println!("skipped: mounting is refused: {}", reason.trim());
                None
            }
            Err(error) => {
                println!("skipped: there is no mount: {error}");
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg(&self.0).status();
        if !gone.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.0.display());
        }
    }
}

/// A server whose trail is in a folder of its own, `trail`.
struct Site {
    server: Process,
    discord: StandIn,
    http: reqwest::Client,
    sync: &'static str,
    sent: usize,
    dir: PathBuf,
}

impl Site {
    async fn start(dir: &Path, sync: &'static str) -> Self {
        let discord = StandIn::start().await;
        tokens::install_keys(&dir.join("keys"));
        let server = serve(dir, &discord.base(), sync);
        Self {
            server,
            discord,
            http: client(),
            sync,
            sent: 0,
            dir: dir.to_owned(),
        }
    }

    fn log(&self) -> PathBuf {
        self.dir.join("trail/audit.log")
    }

    async fn invoke(&self, tool: &str, params: Value) -> Answer {
        let request = self
            .http
            .post(format!("{}/mcp/v1/tools/invoke", self.server.url))
            .bearer_auth(tokens::token())
            .header("content-type", "application/json")
            .body(json!({"method": tool, "params": params}).to_string());
        App::answer(request).await
    }

    /// Sends a message of another length than the last.
    async fn send(&mut self) -> Answer {
        self.send_of(self.sent * 37 % PADDING).await
    }

    async fn send_of(&mut self, padding: usize) -> Answer {
        self.sent += 1;
        let text = format!("{MARK}{} {}", self.sent, "x".repeat(padding));
        self.invoke(
            "send_message",
            json!({"channel_id": GENERAL, "message": text}),
        )
        .await
    }

    async fn read(&self) -> Answer {
        self.invoke("get_messages", json!({"channel_id": GENERAL, "limit": 1}))
            .await
    }

    async fn status(&self, path: &str) -> u16 {
        let request = self.http.get(format!("{}{path}", self.server.url));
        App::answer(request).await.status
    }

    fn messages(&self) -> usize {
        self.discord.with(|world| world.messages(GENERAL).len())
    }

    /// Every call is refused, and a refused write has not reached Discord.
    async fn assert_refuses(&mut self) {
        for _ in 0..10 {
            let before = self.messages();
            // The longest there is: where a shorter one failed, it does not fit either.
            let (write, read) = (self.send_of(PADDING).await, self.read().await);
            for answer in [&write, &read] {
                assert_eq!((answer.status, answer.code()), (503, "audit_unavailable"));
            }
            assert_eq!(
                write.message(),
                "The audit log cannot be written; nothing was sent to Discord"
            );
            assert_eq!(self.messages(), before);
            assert_eq!(self.status("/readyz").await, 503);
            assert_eq!(self.status("/healthz").await, 200);
        }
    }

    /// All is well, at once and in the same process.
    async fn assert_serves(&mut self) {
        assert_eq!(self.status("/readyz").await, 200);
        for _ in 0..10 {
            let before = self.messages();
            let (write, read) = (self.send().await, self.read().await);
            assert_eq!((write.status, read.status), (200, 200), "{}", write.text);
            assert_eq!(self.messages(), before + 1);
        }
        assert_eq!(self.status("/readyz").await, 200);
    }

    /// Stops the server, starts it once more, so that it closes what was left open, and reads its
    /// trail.
    fn end(self) -> (Ledger, usize) {
        let log = self.log();
        let done = self.messages();
        let (status, output) = self.server.stop();
        assert!(status.success() && !output.contains("panicked"), "{output}");
        intact(&[&log]);
        serve(&self.dir, &self.discord.base(), self.sync).stop();
        let ledger = Ledger::read(&[&log]);
        assert_eq!(intact(&[&log]), ledger.lines as u64);
        assert_eq!(ledger.unparsable, Vec::<String>::new());
        assert_eq!(ledger.unpaired(), Vec::<String>::new());
        (ledger, done)
    }
}

fn serve(dir: &Path, discord: &str, sync: &str) -> Process {
    let variables = [
        ("DISCORD_API_BASE", discord),
        ("AUDIT_LOG", "trail/audit.log"),
        ("AUDIT_SYNC", sync),
    ];
    Process::start(dir, &variables)
}

/// A folder with an empty folder `trail` in it. What is mounted there must go before the folder can.
fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let trail = dir.path().join("trail");
    std::fs::create_dir(&trail).unwrap();
    (dir, trail)
}

#[tokio::test]
async fn a_full_disk_stops_calls_and_an_emptied_one_lets_them_go_on() {
    if !crate::wanted() {
        return;
    }
    for sync in ["off", "on"] {
        fill(sync).await;
    }
}

async fn fill(sync: &'static str) {
    let began = Instant::now();
    let (dir, trail) = folder();
    let Some(mount) = Mount::tmpfs(&trail, "size=256k,mode=0700") else {
        return;
    };
    let ballast = trail.join("ballast");
    std::fs::write(&ballast, vec![0; 240 << 10]).unwrap();
    let mut site = Site::start(dir.path(), sync).await;
    let seeded = site.messages();
    let (mut served, mut refused, mut changed) = (0, 0, 0);

    for round in 1..=ROUNDS {
        // A longer line fails before a shorter one does; full is when none fits.
        let mut in_a_row = 0;
        while in_a_row < 10 {
            let before = site.messages();
            let write = site.send().await;
            let read = site.read().await;
            let ready = site.status("/readyz").await;
            let done = site.messages() - before;
            match write.status {
                200 => assert_eq!(done, 1),
                _ => {
                    assert_eq!((write.status, write.code()), (503, "audit_unavailable"));
                    let was_sent =
                        write.message() == "The audit log cannot be written; the change was made";
                    assert_eq!(done, usize::from(was_sent), "{}", write.text);
                    changed += done;
                }
            }
            for answer in [&write, &read] {
                match answer.status {
                    200 => served += 1,
                    _ => {
                        assert_eq!((answer.status, answer.code()), (503, "audit_unavailable"));
                        refused += 1;
                    }
                }
            }
            let all = [write.status, read.status, ready] == [503; 3];
            in_a_row = if all { in_a_row + 1 } else { 0 };
            assert!(served + refused < 500, "the disk never was full");
        }
        site.assert_refuses().await;
        let whole = intact(&[site.log()]);
        if round < ROUNDS {
            // Room for a few more lines, and then it is full again.
            std::fs::write(&ballast, vec![0; (240 - 24 * round) << 10]).unwrap();
        } else {
            std::fs::remove_file(&ballast).unwrap();
        }
        site.assert_serves().await;
        assert!(intact(&[site.log()]) > whole);
    }
    let (ledger, done) = site.end();
    drop(mount);
    println!(
        "disk full: AUDIT_SYNC={sync}: {served} calls served and {refused} refused while it filled up {ROUNDS} times, \
         {changed} of them after their effect, in {:.1?}\n\
         disk full: {} lines, {} intents, {} outcomes ({} unknown), {} messages sent",
        began.elapsed(),
        ledger.lines,
        ledger.intents.len(),
        ledger.outcome_count(),
        ledger.count("unknown"),
        done - seeded,
    );
    // Every message has its intent, and an outcome that did not fit when it was due stands there all
    // the same.
    assert_eq!(ledger.intents.len(), done - seeded);
    assert_eq!(ledger.count("unknown"), 0);
}

#[tokio::test]
async fn a_read_only_file_system_stops_calls_until_it_can_be_written_again() {
    if !crate::wanted() {
        return;
    }
    let (dir, trail) = folder();
    let mut site = Site::start(dir.path(), "off").await;
    site.assert_serves().await;
    let whole = intact(&[site.log()]);
    let Some(mount) = Mount::tmpfs(&trail, "ro") else {
        return;
    };
    site.assert_refuses().await;
    drop(mount);
    // The file that it had is there again, and nobody wrote to it meanwhile.
    assert_eq!(intact(&[site.log()]), whole);
    site.assert_serves().await;
    let (ledger, _) = site.end();
    println!(
        "read-only: {} lines, {} intents, {} outcomes",
        ledger.lines,
        ledger.intents.len(),
        ledger.outcome_count()
    );
    assert_eq!(ledger.count("unknown"), 0);
}

#[tokio::test]
async fn a_folder_that_was_moved_away_stops_calls_until_it_is_back() {
    if !crate::wanted() {
        return;
    }
    let (dir, trail) = folder();
    let mut site = Site::start(dir.path(), "off").await;
    site.assert_serves().await;
    let whole = intact(&[site.log()]);
    let away = trail.with_extension("away");
    std::fs::rename(&trail, &away).unwrap();
    site.assert_refuses().await;
    assert_eq!(intact(&[away.join("audit.log")]), whole);
    std::fs::rename(&away, &trail).unwrap();
    site.assert_serves().await;

    // Removed with all that was in it: the trail goes on in a new file, where the old one ended.
    std::fs::remove_dir_all(&trail).unwrap();
    site.assert_refuses().await;
    std::fs::create_dir(&trail).unwrap();
    site.assert_serves().await;
    let log = site.log();
    let (status, output) = site.server.stop();
    assert!(status.success() && !output.contains("panicked"), "{output}");
    let ledger = Ledger::read(&[&log]);
    println!(
        "removed folder: {} lines, {} intents, {} outcomes in the new file",
        ledger.lines,
        ledger.intents.len(),
        ledger.outcome_count()
    );
    assert_eq!((ledger.intents.len(), ledger.outcome_count()), (10, 20));
    assert_eq!(ledger.unpaired(), Vec::<String>::new());
    let mut verifier = discord_mcp_server::audit::verify::Verifier::default();
    let file = std::io::BufReader::new(std::fs::File::open(&log).unwrap());
    verifier.read(0, file, |_| {}).unwrap().unwrap();
    assert!(verifier.first.unwrap() > whole);
}
