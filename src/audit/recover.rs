//! What an audit file tells at start: where the chain goes on, what was torn, which calls never
//! ended.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use serde::Deserialize;

use super::chain;
use super::record::Pending;

/// How much of the end is read. Every few mebibytes a checkpoint names the calls that were open,
/// so that nothing older need be looked at.
const TAIL: u64 = 8 << 20;

/// The end of an audit file.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// The length of the file up to the end of its last whole line.
    pub(super) whole: u64,
    /// How many bytes of an unfinished line follow.
    pub(super) torn: u64,
    /// Whether the unfinished line lacks its newline and nothing else.
    pub(super) lacks_newline: bool,
    /// Whether the unfinished line begins as ours do.
    pub(super) torn_is_ours: bool,
    /// The number and the hash of the last line that is sealed.
    pub(super) last: Option<(u64, chain::Hash)>,
    /// The calls that began to change Discord and have no outcome.
    pub(super) pending: BTreeMap<String, Pending>,
}

#[derive(Deserialize)]
struct Line {
    stage: String,
    #[serde(flatten)]
    call: Option<Pending>,
    #[serde(default)]
    pending: Vec<Pending>,
}

/// Reads the end of a file of this length.
pub(super) fn tail(file: &File, length: u64) -> io::Result<Tail> {
    let start = length.saturating_sub(TAIL);
    let mut bytes = vec![0; usize::try_from(length - start).unwrap_or(0)];
    file.read_exact_at(&mut bytes, start)?;
    let mut tail = Tail::default();
    let end = bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let (whole, torn) = bytes.split_at_checked(end).unwrap_or((&[], &[]));
    tail.whole = start + whole.len() as u64;
    tail.torn = torn.len() as u64;
    tail.lacks_newline = chain::open(torn).is_some();
    let beginning = torn.len().min(chain::BEGINNING.len());
    tail.torn_is_ours = torn.get(..beginning) == chain::BEGINNING.get(..beginning);
    let mut lines = whole
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty());
    if start > 0 {
        // The first line of the tail may have begun before it.
        lines.next();
    }
    let torn = Some(torn).filter(|_| tail.lacks_newline);
    for line in lines.chain(torn) {
        if let Some(link) = chain::open(line) {
            tail.last = Some((link.seq, link.hash));
        }
        let Ok(Line {
            stage,
            call,
            pending,
        }) = serde_json::from_slice(line)
        else {
            continue;
        };
        match (stage.as_str(), call) {
            ("checkpoint", _) => {
                tail.pending = pending
                    .into_iter()
                    .map(|call| (call.call_id.clone(), call))
                    .collect();
            }
            ("intent", Some(call)) => {
                tail.pending.insert(call.call_id.clone(), call);
            }
            ("outcome", Some(call)) => {
                tail.pending.remove(&call.call_id);
            }
            _ => {}
        }
    }
    Ok(tail)
}
