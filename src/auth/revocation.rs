//! The deny list: tokens by `jti`, and all that a `sub` had before some time.
//!
//! One JSON object a line: `{"jti":"…"}` or `{"sub":"…","issued_before":"<RFC 3339>"}`. The file is
//! looked at before each call is let in, so that a revocation holds from the next call on. Until the
//! process ends it holds, whatever becomes of the file.

use std::collections::{HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The largest deny list that is read: some hundred thousand lines.
const SIZE_LIMIT: u64 = 32 << 20;

/// One line of the list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Revocation {
    /// The token that is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The user whose tokens are revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The time before which they were issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_before: Option<String>,
    /// When this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

impl Revocation {
    /// Appends the line to the list, for good: it is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        // A last line without its end, as editors may leave it, must not swallow this one.
        if file.seek(SeekFrom::End(0))? > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                line.insert(0, b'\n');
            }
        }
        // In one write, so that lines of several processes do not mix.
        file.write_all(&line)?;
        file.sync_all()
    }
}

/// What is revoked.
#[derive(Clone, Debug, Default)]
struct DenyList {
    jtis: HashSet<String>,
    /// For each user, the second before which tokens were issued that are refused.
    subs: HashMap<String, i64>,
}

impl DenyList {
    /// Adds the lines of a file; the number of the first that cannot be read, where there is one.
    fn add(&mut self, text: &[u8]) -> Option<usize> {
        let mut unread = None;
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let read = serde_json::from_slice::<Revocation>(line).ok();
            // A list of the values would be read as an object, too.
            let read = read.filter(|_| line.trim_ascii_start().starts_with(b"{"));
            let before = |text: &Option<String>| text.as_deref().map(second);
            match read.map(|line| (before(&line.issued_before), line.jti, line.sub)) {
                Some((None, Some(jti), None)) => {
                    self.jtis.insert(jti);
                }
                Some((Some(Some(second)), None, Some(sub))) => self.revoke(sub, second),
                _ => {
                    unread.get_or_insert(at + 1);
                }
            }
        }
        unread
    }

    fn revoke(&mut self, sub: String, second: i64) {
        let before = self.subs.entry(sub).or_insert(second);
        *before = second.max(*before);
    }
}

/// What was seen of the file. By its stamp a change shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    File(Stamp),
    Unreachable(io::ErrorKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The deny list as it stands in its file.
pub struct Revocations {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    seen: Seen,
    list: DenyList,
}

impl Revocations {
    /// Reads the list at `path`; where there is no file, nothing is revoked.
    ///
    /// # Errors
    /// When the file, or a line of it, cannot be read: one line of text that names it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let cannot =
            |why: String| format!("REVOKED_TOKENS={:?} cannot be used: {why}", path.display());
        let (seen, mut list) = (look(path), DenyList::default());
        if seen != Seen::Nothing {
            let text = read(path).map_err(|error| cannot(error.to_string()))?;
            if let Some(line) = list.add(&text) {
                return Err(cannot(format!("line {line} is no revocation")));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(State { seen, list }),
        })
    }

    /// Whether a token is revoked, by the file as it stands now, or as it stood at any time since the
    /// start.
    pub(super) fn cover(&self, jti: Option<&str>, sub: &str, iat: u64) -> bool {
        // While this waits for the disk, others need not wait for it.
        let seen = look(&self.path);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if seen != state.seen {
            state.seen = seen;
            self.reload(&mut state.list);
        }
        let issued = i64::try_from(iat).unwrap_or(i64::MAX);
        let before = state.list.subs.get(sub);
        jti.is_some_and(|jti| state.list.jtis.contains(jti))
            || before.is_some_and(|&before| issued < before)
    }

    /// Adds what the file says now. A file that is cut short, or gone for a moment, gives nothing
    /// back.
    fn reload(&self, list: &mut DenyList) {
        let problem = match read(&self.path) {
            Ok(text) => list
                .add(&text)
                .map(|line| format!("line {line} is no revocation")),
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = problem {
            tracing::error!(file = %self.path.display(), problem, "the list of revoked tokens cannot be read; what was revoked stays revoked");
        }
    }
}

fn look(path: &Path) -> Seen {
    match fs::metadata(path) {
        Ok(found) => Seen::File(Stamp {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Seen::Nothing,
        Err(error) => Seen::Unreachable(error.kind()),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let file = fs::File::open(path)?;
    file.take(SIZE_LIMIT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > SIZE_LIMIT {
        return Err(io::Error::other("it is larger than 32 MiB"));
    }
    Ok(text)
}

/// The second from which on a token counts as issued at or after a time (RFC 3339).
fn second(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(time.unix_timestamp() + i64::from(time.nanosecond() > 0))
}
