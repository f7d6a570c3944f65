//! Reading the chain back: is the trail as it was written?

use std::fmt;
use std::io::{self, BufRead};

use super::chain::{self, GENESIS, Hash};

/// The longest line that is read as one; no record comes near it.
const LINE_LIMIT: u64 = 4 << 20;

/// What is wrong with a trail, first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The file, by its place among those given, from 0.
    pub file: usize,
    /// The line in that file, from 1.
    pub line: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It does not fit its own hash, or is no line of this trail.
    Edited,
    /// Lines before it are missing.
    Missing {
        /// How many.
        lines: u64,
    },
    /// A line with this number came before.
    Repeated {
        /// The number.
        seq: u64,
    },
    /// It has the right number and follows another line than the one before it.
    Forged,
    /// It does not end.
    Unfinished,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited => f.write_str("was edited, or was never a line of this trail"),
            Self::Missing { lines: 1 } => {
                f.write_str("follows a gap: a line before it is missing or was moved")
            }
            Self::Missing { lines } => write!(
                f,
                "follows a gap: {lines} lines before it are missing or were moved"
            ),
            Self::Repeated { seq } => {
                write!(f, "repeats number {seq}: it was doubled or moved here")
            }
            Self::Forged => {
                f.write_str("does not follow the line before it: one of the two was put in")
            }
            Self::Unfinished => {
                f.write_str("does not end: the file was cut, or its writer is at work")
            }
        }
    }
}

/// The state of a verification, from file to file.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    /// How many lines were read.
    pub lines: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// The number of the first line.
    pub first: Option<u64>,
    /// The number and the hash of the last line: the head.
    pub last: Option<(u64, Hash)>,
}

impl Verifier {
    /// Reads one file of the trail, the `file`th of those given, from its first line to its last.
    /// `progress` is called with the bytes read so far, after each line.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(
        &mut self,
        file: usize,
        mut from: impl BufRead,
        mut progress: impl FnMut(u64),
    ) -> io::Result<Result<(), Break>> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let read = io::Read::take(&mut from, LINE_LIMIT).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            self.bytes += read as u64;
            let whole = line.strip_suffix(b"\n").ok_or(Problem::Unfinished);
            if let Err(problem) = whole.and_then(|line| self.follow(line)) {
                return Ok(Err(Break {
                    file,
                    line: number,
                    problem,
                }));
            }
            progress(self.bytes);
        }
        Ok(Ok(()))
    }

    /// The hash of the last line; of nothing, where there was none.
    pub fn head(&self) -> &str {
        self.last.as_ref().map_or(GENESIS, |(_, hash)| hash)
    }

    fn follow(&mut self, line: &[u8]) -> Result<(), Problem> {
        let link = chain::open(line).ok_or(Problem::Edited)?;
        match &self.last {
            // A trail may begin with any line: older files are kept elsewhere or not at all.
            None if link.seq == 1 && link.prev != GENESIS => return Err(Problem::Forged),
            None => self.first = Some(link.seq),
            Some((seq, _)) if link.seq <= *seq => return Err(Problem::Repeated { seq: link.seq }),
            Some((seq, _)) if link.seq > seq + 1 => {
                return Err(Problem::Missing {
                    lines: link.seq - seq - 1,
                });
            }
            Some((_, hash)) if link.prev != *hash => return Err(Problem::Forged),
            Some(_) => {}
        }
        self.lines += 1;
        self.last = Some((link.seq, link.hash));
        Ok(())
    }
}
