//! Fifty rotations under 16 concurrent clients, as logrotate makes them: the files together are one
//! trail, and every answer has its outcome in it, once.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::callers::{Callers, Effects, answers_without_outcome};
use crate::chance::Chance;
use crate::ledger::{Ledger, intact};
use crate::support::discord::StandIn;
use crate::support::process::Process;
use crate::support::{tokens, until};

const ROTATIONS: usize = 50;
const CLIENTS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotated_files_are_one_trail_without_a_line_lost_or_doubled() {
    if !crate::wanted() {
        return;
    }
    for sync in ["off", "on"] {
        rotate(sync).await;
    }
}

async fn rotate(sync: &str) {
    let began = Instant::now();
    let mut chance = Chance::of("rotation");
    let discord = StandIn::start().await;
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    tokens::install_keys(&dir.path().join("keys"));
    let base = discord.base();
    let variables = [("DISCORD_API_BASE", base.as_str()), ("AUDIT_SYNC", sync)];
    let server = Process::start(dir.path(), &variables);
    let callers = Callers::start(CLIENTS, &server.url, &discord, &mut chance);

    let (mut files, mut overtaken) = (Vec::new(), 0);
    for rotation in 1..=ROTATIONS {
        let answered = callers.answered();
        tokio::time::sleep(chance.milliseconds(0, 60)).await;
        until("a call between two rotations", || {
            callers.answered() > answered
        })
        .await;
        let old = dir.path().join(format!("audit.log.{rotation:02}"));
        std::fs::rename(&log, &old).unwrap();
        files.push(old);
        if rotation % 2 == 0
            && let Some(backup) = create(&log, chance.percent(50))
        {
            overtaken += 1;
            files.push(backup);
        }
        if chance.percent(50) {
            tokio::time::sleep(chance.milliseconds(0, 5)).await;
        }
        server.signal("HUP");
        // The file is there again at once, or with the next line; it must be before the next turn.
        until("the log is there again", || log.exists()).await;
    }
    let seen = callers.stop().await;
    let (status, output) = server.stop();
    assert!(status.success(), "{output}");
    files.push(log.clone());

    let ledger = Ledger::read(&files);
    let effects = Effects::of(&discord);
    println!(
        "rotation: AUDIT_SYNC={sync}, {ROTATIONS} rotations under {CLIENTS} clients in {:.1?}, {overtaken} times \
         the server had made the file first\n\
         rotation: {} answers, {} outcomes, {} lines in {} files",
        began.elapsed(),
        seen.answers.len(),
        ledger.outcome_count(),
        ledger.lines,
        files.len(),
    );
    let none = Vec::<String>::new();
    assert_eq!(intact(&files), ledger.lines as u64);
    assert_eq!((seen.unanswered, &ledger.unparsable), (0, &none));
    assert_eq!(answers_without_outcome(&seen.answers, &ledger), none);
    assert_eq!(seen.answers.len(), ledger.outcome_count());
    assert_eq!(ledger.unpaired(), none);
    assert_eq!(effects.without_record(&ledger, &[]), none);
    assert_eq!(effects.made_up(&ledger), none);
    assert_eq!(ledger.count("unknown"), 0);
    // A file that the server went on in begins with a checkpoint, and nothing is left of a torn one.
    assert!(ledger.checkpoints.len() >= ROTATIONS);
    assert_modes(&files);
}

/// Makes a new, empty file as logrotate's `create` does, at once or after the server had time to:
/// where the server was faster, its file is moved aside, and belongs between the others.
fn create(log: &Path, dawdle: bool) -> Option<PathBuf> {
    if dawdle {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let open = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(log)
    };
    match open() {
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let count = log.parent().unwrap().read_dir().unwrap().count();
            let backup = log.with_extension(format!("log.backup-{count}"));
            std::fs::rename(log, &backup).unwrap();
            // The server may be faster again; then its file is the new one.
            drop(open());
            Some(backup)
        }
        Err(error) => panic!("{error}"),
    }
}

fn assert_modes(files: &[PathBuf]) {
    use std::os::unix::fs::PermissionsExt as _;
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}
