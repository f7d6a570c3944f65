//! Writing all or nothing, to a medium that may be full at any byte, and making it safe.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

/// Where bytes go: a file, and in tests one with faults.
pub(super) trait Medium: Send {
    /// Writes some of the bytes at the end.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts off what stands after this length.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for Arc<File> {
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.as_ref().write(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Writes all of the bytes or none: what a failure left is taken off again. `length` is that of
/// the medium before and after.
///
/// # Errors
/// Of the write; and where even taking off failed, `torn` says so.
pub(super) fn write_whole(
    medium: &mut impl Medium,
    length: &mut u64,
    torn: &mut bool,
    bytes: &[u8],
) -> io::Result<()> {
    let mut written = 0;
    let failure = loop {
        let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) else {
            *length += bytes.len() as u64;
            return Ok(());
        };
        match medium.write_some(rest) {
            Ok(0) => break io::ErrorKind::WriteZero.into(),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break error,
        }
    };
    *torn = written > 0 && medium.truncate(*length).is_err();
    Err(failure)
}

/// Writes records all at once, or, where that fails, each by itself: what has no room for all may have
/// room for some. `write` returns the number of the first; the others follow it.
pub(super) fn together_or_apart(
    records: &[&[u8]],
    mut write: impl FnMut(&[&[u8]]) -> io::Result<u64>,
) -> Vec<io::Result<u64>> {
    match write(records) {
        Ok(first) => (first..).take(records.len()).map(Ok).collect(),
        Err(error) if records.len() < 2 => vec![Err(error)],
        Err(_) => records.iter().map(|record| write(&[record])).collect(),
    }
}

/// Makes what was written safe from a loss of power. Pipes and devices have nothing to sync, and say so.
pub(super) fn sync(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]
mod tests {
    use super::*;
    use crate::audit::chain::{self, GENESIS};

    /// A medium that takes so many bytes, a few at a time, and then fails until it is mended.
    struct Faulty {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Medium for Faulty {
        fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(7).min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend_from_slice(&bytes[..taken]);
            self.room -= taken;
            Ok(taken)
        }

        fn truncate(&mut self, length: u64) -> io::Result<()> {
            self.bytes.truncate(usize::try_from(length).unwrap());
            Ok(())
        }
    }

    #[test]
    fn of_records_that_do_not_fit_together_those_are_written_that_do() {
        let (mut room, mut tries, mut seq) = (10, 0, 0);
        let mut write = |records: &[&[u8]]| {
            tries += 1;
            let bytes = records.concat().len();
            room = usize::checked_sub(room, bytes).ok_or(io::ErrorKind::StorageFull)?;
            seq += records.len() as u64;
            Ok(seq + 1 - records.len() as u64)
        };
        let mut written = |records: &[&[u8]]| -> Vec<_> {
            let results = together_or_apart(records, &mut write).into_iter();
            results.map(Result::ok).collect()
        };
        assert_eq!(written(&[b"12", b"34"]), [Some(1), Some(2)]);
        assert_eq!(
            written(&[b"1234567", b"56", b"78"]),
            [None, Some(3), Some(4)]
        );
        assert_eq!(written(&[b"123"]), [None]);
        assert_eq!(written(&[b"90"]), [Some(5)]);
        // One alone is not tried twice.
        assert_eq!(tries, 1 + 4 + 1 + 1);
    }

    #[test]
    fn a_write_that_fails_at_any_byte_leaves_whole_lines_only() {
        let (first, second) = (
            chain::seal(1, GENESIS, br#"{"a":1}"#),
            chain::seal(2, GENESIS, br#"{"b":2}"#),
        );
        for room in 0..second.line.len() {
            let mut medium = Faulty {
                bytes: Vec::new(),
                room: first.line.len() + room,
            };
            let (mut length, mut torn) = (0, false);
            write_whole(&mut medium, &mut length, &mut torn, &first.line).unwrap();
            write_whole(&mut medium, &mut length, &mut torn, &second.line).unwrap_err();
            assert_eq!(
                (medium.bytes.as_slice(), torn),
                (first.line.as_slice(), false)
            );
            medium.room = usize::MAX;
            write_whole(&mut medium, &mut length, &mut torn, &second.line).unwrap();
            assert_eq!(medium.bytes, [first.line.as_slice(), &second.line].concat());
        }
    }
}
