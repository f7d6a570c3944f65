//! Which failures are worth another attempt, and when.

use std::time::Duration;

use axum::http::StatusCode;

use super::client::Answer;
use crate::error::{Code, Error};

/// How often a request is tried again.
const RETRIES: u32 = 2;
/// The longest pause before the first retry; before the second it is twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// Whether a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail the same way, or make things worse.
    No,
    /// Discord has not done it.
    NotDone,
    /// Discord may have done it. Reading and deleting twice is as good as once, and a message is
    /// sent only once under its nonce.
    MayBeDone,
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) again: Again,
    /// The status, where there was an answer.
    pub(super) status: Option<StatusCode>,
    /// How long Discord asks to wait.
    pub(super) wait: Duration,
}

impl Failure {
    pub(super) fn new(error: Error, again: Again) -> Self {
        Self {
            error,
            again,
            status: None,
            wait: Duration::ZERO,
        }
    }

    /// A failure that is final.
    pub(super) fn last(error: Error) -> Self {
        Self::new(error, Again::No)
    }

    /// For a deletion that was tried before: what it means that the message is not there any more.
    pub(super) fn deleted_before(&self) -> Option<Answer> {
        let status = self
            .status
            .filter(|_| self.error.code() == Code::UnknownMessage)?;
        Some(Answer {
            status,
            body: axum::body::Bytes::new(),
        })
    }

    /// What to tell after an attempt that may have been done, if there was one: that this attempt
    /// was not sent, or not done, does not say that nothing was.
    pub(super) fn after(self, doubt: Option<Error>) -> Error {
        let Some(doubt) = doubt else {
            return self.error;
        };
        match (self.again, self.status) {
            (Again::MayBeDone, _) => self.error,
            (Again::No, Some(_)) => self.error.hint(
                "Read the channel before trying again: an earlier attempt may have made the change.",
            ),
            (Again::No | Again::NotDone, _) => doubt,
        }
    }

    /// How long to pause before the attempt after `attempts`; `None` where there is none. At random
    /// between half and all of it, so that those who failed together do not come back together.
    pub(super) fn pause(&self, attempts: u32) -> Option<Duration> {
        if self.again == Again::No || attempts > RETRIES {
            return None;
        }
        let mut random = [0];
        // Without randomness the pause is the longest.
        let part = match aws_lc_rs::rand::fill(&mut random) {
            Ok(()) => 0.5 + f64::from(random[0]) / 512.0,
            Err(_) => 1.0,
        };
        let pause = PAUSE * (1 << attempts.saturating_sub(1).min(4));
        Some(pause.mul_f64(part).max(self.wait))
    }
}
