//! The only writer of the file: whole lines, in one chain, into the file that stands at its path.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::chain::{self, GENESIS, Hash};
use super::line::{Line, Stage, encode, stamp};
use super::medium::{sync, together_or_apart, write_whole};
use super::record::{CheckpointLine, Pending, Record, UnknownLine};
use super::recover::{self, Tail};

/// After how many bytes a checkpoint is written, half of what a start reads.
const CHECKPOINT_BYTES: u64 = 4 << 20;
/// How often the head goes to the server log, for a copy of it that whoever can write this file
/// cannot change.
const HEAD_INTERVAL: Duration = Duration::from_secs(300);

/// How much room is kept for the lines that are written next.
const USUAL_BYTES: usize = 16 << 10;

/// What is wrong where another process has the file.
pub const TAKEN: &str =
    "another process is writing to it; give each process an AUDIT_LOG of its own";

/// Device and inode.
type Identity = (u64, u64);

/// The writer's state. One at a time has it.
pub(super) struct Writer {
    path: PathBuf,
    file: Arc<File>,
    /// Device and inode, by which the file at the path is known to be ours still. A pipe or device
    /// has none: it cannot be replaced, cut or read.
    identity: Option<Identity>,
    length: u64,
    torn: bool,
    seq: u64,
    head: Hash,
    /// The calls that have begun to change Discord and have not ended.
    pending: BTreeMap<String, Arc<Record>>,
    /// Outcomes of pending calls that could not be written when they were due. No intent is written
    /// before they are, so there are never more of them than calls were in flight.
    owed: BTreeMap<String, Vec<u8>>,
    since_checkpoint: u64,
    head_told: Instant,
    /// Room for what is written next.
    lines: Vec<u8>,
}

impl Writer {
    /// Opens the file, takes it for this process alone, mends what a stop left: takes off an
    /// unfinished line, and gives calls without an end the outcome `unknown`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let (file, identity) = open_file(path)?;
        let mut writer = Self {
            path: path.to_owned(),
            file,
            identity,
            length: 0,
            torn: false,
            seq: 0,
            head: GENESIS.to_owned(),
            pending: BTreeMap::new(),
            owed: BTreeMap::new(),
            since_checkpoint: 0,
            head_told: Instant::now(),
            lines: Vec::new(),
        };
        let tail = writer.take_over()?;
        if let Some((seq, hash)) = tail.last {
            (writer.seq, writer.head) = (seq, hash);
        }
        for call in tail.pending.values() {
            tracing::warn!(
                call_id = call.call_id,
                "a call was cut off by the last stop; what it did on Discord is unknown"
            );
            let line = UnknownLine {
                ts: stamp(),
                stage: "outcome",
                call,
                success: false,
                status: "unknown",
            };
            writer.append(&[&encode(&line)?])?;
        }
        if writer.length > 0 {
            writer.checkpoint(if tail.lacks_newline { 0 } else { tail.torn })?;
        }
        Ok(writer)
    }

    /// Appends these lines in one go, or, where they do not fit, those that do by themselves. Returns
    /// the number of each. An outcome that cannot be written is owed where the call's intent stands.
    pub(super) fn write(&mut self, lines: Vec<Line>) -> Vec<io::Result<u64>> {
        let records: Vec<&[u8]> = lines.iter().map(|line| &*line.bytes).collect();
        let results = together_or_apart(&records, |records| self.record(records));
        for (line, result) in lines.into_iter().zip(&results) {
            self.note(line, result.is_ok());
        }
        results
    }

    /// Notes that a line was written, or not.
    fn note(&mut self, Line { bytes, call, stage }: Line, written: bool) {
        let id = &call.subject.call_id;
        match (stage, written) {
            (Stage::Intent, true) => {
                self.pending.insert(id.clone(), call);
            }
            (Stage::Intent, false) => {}
            (Stage::Outcome, true) => {
                self.pending.remove(id);
            }
            (Stage::Outcome, false) => {
                if self.pending.contains_key(id) {
                    self.owed.insert(id.clone(), bytes);
                }
            }
        }
    }

    /// Appends records, all or none, and returns the number of the first.
    fn record(&mut self, records: &[&[u8]]) -> io::Result<u64> {
        self.stand_by()?;
        // Before the lines, not after them: whose calls they begin or end is noted once they stand.
        if self.since_checkpoint >= CHECKPOINT_BYTES {
            self.checkpoint(0)?;
        }
        let first = self.append(records)?;
        if self.head_told.elapsed() >= HEAD_INTERVAL {
            self.tell_head();
        }
        Ok(first)
    }

    /// Goes on in the file that now stands at the path, as after a rotation.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let found = fs::metadata(&self.path)
            .ok()
            .map(|found| (found.dev(), found.ino()));
        if self.identity.is_none() || found == self.identity {
            return Ok(());
        }
        let (file, identity) = open_file(&self.path)?;
        // What was written to the old file must be as safe as what will be to the new one.
        sync(&self.file)?;
        (self.file, self.identity) = (file, identity);
        self.torn = false;
        let tail = self.take_over()?;
        self.checkpoint(if tail.lacks_newline { 0 } else { tail.torn })
    }

    /// Writes a checkpoint; where that works, the trail does.
    pub(super) fn probe(&mut self) -> io::Result<()> {
        self.stand_by()?;
        self.checkpoint(0)
    }

    /// The number of the last line, and the file, for whoever makes it safe.
    pub(super) fn position(&self) -> (u64, Arc<File>) {
        (self.seq, Arc::clone(&self.file))
    }

    /// Puts the head into the server log.
    pub(super) fn tell_head(&mut self) {
        tracing::info!(seq = self.seq, head = self.head, "head of the audit trail");
        self.head_told = Instant::now();
    }

    /// Makes sure that the file at the path is ours, ends with a whole line, and lacks no outcome.
    fn stand_by(&mut self) -> io::Result<()> {
        self.find_file()?;
        while let Some((call_id, record)) = self.owed.pop_first() {
            if let Err(error) = self.append(&[&record]) {
                self.owed.insert(call_id, record);
                return Err(error);
            }
            self.pending.remove(&call_id);
        }
        Ok(())
    }

    /// Makes sure that the file at the path is ours and ends with a whole line. A file that was
    /// moved or removed would take lines that nobody finds.
    fn find_file(&mut self) -> io::Result<()> {
        let Some(identity) = self.identity else {
            return Ok(());
        };
        let found = fs::metadata(&self.path).ok();
        let Some(metadata) = found.filter(|found| (found.dev(), found.ino()) == identity) else {
            return self.reopen();
        };
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        } else if self.length != metadata.len() {
            // Somebody else has written to it or cut it: our next line must begin a line all the same.
            self.take_over()?;
        }
        Ok(())
    }

    /// Reads the end of the file, and leaves it ending with a whole line.
    fn take_over(&mut self) -> io::Result<Tail> {
        if self.identity.is_none() {
            return Ok(Tail::default());
        }
        self.length = self.file.metadata()?.len();
        let tail = recover::tail(&self.file, self.length)?;
        if tail.lacks_newline {
            write_whole(&mut self.file, &mut self.length, &mut self.torn, b"\n")?;
        } else if tail.torn > 0 && !tail.torn_is_ours {
            return Err(io::Error::other(
                "it ends with something that is no line of an audit trail; give AUDIT_LOG a file of its own",
            ));
        } else if tail.torn > 0 {
            tracing::warn!(
                bytes = tail.torn,
                "an unfinished line was taken off the audit log"
            );
            self.file.set_len(tail.whole)?;
            self.length = tail.whole;
        }
        Ok(tail)
    }

    fn checkpoint(&mut self, torn_bytes: u64) -> io::Result<()> {
        let pending = self
            .pending
            .values()
            .map(|call| Pending::from(&call.subject));
        let line = CheckpointLine {
            ts: stamp(),
            stage: "checkpoint",
            torn_bytes,
            pending: pending.collect(),
        };
        self.append(&[&encode(&line)?])?;
        self.since_checkpoint = 0;
        Ok(())
    }

    /// Seals records and appends them, all or none. Returns the number of the first.
    fn append(&mut self, records: &[&[u8]]) -> io::Result<u64> {
        let (first, mut next) = (self.seq + 1, self.seq + 1);
        let mut lines = std::mem::take(&mut self.lines);
        let mut head: Option<Hash> = None;
        for record in records {
            let prev = head.as_ref().unwrap_or(&self.head);
            head = Some(chain::seal_onto(&mut lines, next, prev, record));
            next += 1;
        }
        let written = write_whole(&mut self.file, &mut self.length, &mut self.torn, &lines);
        let bytes = lines.len() as u64;
        lines.clear();
        lines.shrink_to(USUAL_BYTES);
        self.lines = lines;
        written?;
        self.since_checkpoint += bytes;
        self.seq = next - 1;
        self.head = head.unwrap_or_else(|| std::mem::take(&mut self.head));
        Ok(first)
    }
}

fn open_file(path: &Path) -> io::Result<(Arc<File>, Option<Identity>)> {
    if fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        return Err(io::Error::other(
            "it is a pipe, which nobody may be reading; give it a file",
        ));
    }
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path);
    // A device that only takes need not be readable.
    let file = file.or_else(|_| {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
    })?;
    let metadata = file.metadata()?;
    let identity = metadata.is_file().then(|| (metadata.dev(), metadata.ino()));
    if identity.is_some() {
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::Error::other(TAKEN),
            fs::TryLockError::Error(error) => error,
        })?;
    }
    Ok((Arc::new(file), identity))
}
