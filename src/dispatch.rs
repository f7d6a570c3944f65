//! The one way through which a call goes, from whichever door: find, authorise, intent, run,
//! outcome. A call whose caller hangs up goes on as a task of its own, so that nobody can tear them
//! apart.

mod asked;
mod finished;
mod names;
mod request;
mod run;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::audit::{Audit, Outcome, Subject, Touched};
use crate::discord::{Connector, HeldBack};
use crate::error::{Code, Error};
pub use crate::tools::Done;
pub use asked::{Asked, Caller, Invocation, Listing, Progress};
use finished::Finished;
pub use request::{RequestId, trace_id};
use run::Run;

/// Runs calls.
pub struct Dispatcher {
    connector: Connector,
    audit: Audit,
    deadline: Duration,
    permits: Arc<Semaphore>,
    max_calls: u32,
    attachment_limit: usize,
    /// Whether the process is about to end, and who wants to know.
    ended: AtomicBool,
    ending: Notify,
}

/// A place among the calls in flight, given back when the call has ended.
pub struct Permit {
    _place: OwnedSemaphorePermit,
    _with: Option<HeldWith>,
}

/// Something else that is given back when a call has ended, when the last that holds it lets go.
pub type HeldWith = Arc<dyn Any + Send + Sync>;

impl Permit {
    /// The same, with something else that is given back then, too.
    pub fn with(mut self, more: Option<HeldWith>) -> Self {
        self._with = more;
        self
    }
}

/// A tool's result, or why there is none.
pub type CallResult = Result<Done, Error>;

impl Dispatcher {
    /// A dispatcher that cuts calls off after `deadline`, runs at most `max_calls` at once, and
    /// sends files of at most `attachment_limit` bytes with one call.
    pub fn new(
        connector: Connector,
        audit: Audit,
        deadline: Duration,
        max_calls: usize,
        attachment_limit: usize,
    ) -> Self {
        let max_calls = u32::try_from(max_calls).unwrap_or(u32::MAX);
        Self {
            connector,
            audit,
            deadline,
            permits: Arc::new(Semaphore::new(max_calls as usize)),
            max_calls,
            attachment_limit,
            ended: AtomicBool::new(false),
            ending: Notify::new(),
        }
    }

    /// Takes a place among the calls in flight.
    ///
    /// # Errors
    /// `overloaded`, at once, where there is none.
    pub fn admit(&self) -> Result<Permit, Error> {
        Arc::clone(&self.permits)
            .try_acquire_owned()
            .map(|place| Permit {
                _place: place,
                _with: None,
            })
            .map_err(|_| {
                Error::new(
                    Code::Overloaded,
                    "The server has as many calls in flight as it takes on; nothing was done",
                )
                .retry_after(Duration::from_secs(1))
            })
    }

    /// Whether audit lines can be written.
    pub async fn is_audit_healthy(&self) -> bool {
        self.audit.is_healthy().await
    }

    /// Why nothing is sent to Discord at present, if so.
    pub fn held_back(&self) -> Option<HeldBack> {
        self.connector.held_back()
    }

    /// The trail, for those who rotate it and note its head.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// How many calls are in flight.
    pub fn in_flight(&self) -> usize {
        (self.max_calls as usize).saturating_sub(self.permits.available_permits())
    }

    /// How many requests of this server Discord had to refuse in the last ten minutes.
    pub fn invalid_requests(&self) -> u32 {
        self.connector.invalid_requests()
    }

    /// Waits until no call is in flight.
    pub async fn drained(&self) {
        // The semaphore is never closed, so this can only end by acquiring.
        self.permits.acquire_many(self.max_calls).await.ok();
    }

    /// Ends the calls that cannot change Discord, so that they are recorded before the process ends.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.ending.notify_waiters();
    }

    /// Waits until the process is about to end.
    async fn ended(&self) {
        // Who begins to wait before looking misses nothing.
        let ending = self.ending.notified();
        if !self.ended.load(Ordering::SeqCst) {
            ending.await;
        }
    }

    /// Runs a call, or records why there is none to run. The answer comes after the outcome line.
    ///
    /// # Errors
    /// Everything of the error table that can happen behind the bearer.
    pub async fn call(
        self: &Arc<Self>,
        caller: Caller,
        permit: Arc<Permit>,
        asked: Asked,
    ) -> CallResult {
        let this = Arc::clone(self);
        let call = Finished::whatever_happens(|| {
            let call = AssertUnwindSafe(async move {
                let result = this.record(caller, asked, Run::through).await;
                drop(permit);
                result
            });
            call.catch_unwind()
        });
        call.await.unwrap_or_else(|_| Err(Error::internal()))
    }

    /// Runs the call between its audit lines. `work` is [`Run::through`], but for tests.
    async fn record<W, F>(self: Arc<Self>, caller: Caller, asked: Asked, work: W) -> CallResult
    where
        W: FnOnce(Run, Asked) -> F,
        F: Future<Output = CallResult>,
    {
        let started = Instant::now();
        let label = asked.label();
        let (tool, params) = asked.named().unzip();
        let subject = Subject {
            call_id: uuid::Uuid::now_v7().to_string(),
            request_id: caller.request.as_str().to_owned(),
            door: caller.door,
            user_id: caller.principal.user_id.clone(),
            jti: caller.principal.jti.clone(),
            client: caller.request.client(),
            tool,
        };
        let record = self.audit.prepare(subject, params.as_deref());
        let subject = &record.subject;
        let touched = Arc::new(Mutex::new(Touched::default()));
        let requests = Arc::new(AtomicU32::new(0));
        let result = match asked {
            Asked::Refused(_, error) => Err(error),
            asked => {
                let run = Run {
                    dispatcher: Arc::clone(&self),
                    principal: caller.principal,
                    record: Arc::clone(&record),
                    touched: Arc::clone(&touched),
                    requests: Arc::clone(&requests),
                    deadline: started + self.deadline,
                    confirm: caller.confirm,
                    cancelled: caller.cancelled,
                    progress: caller.progress,
                    text: caller.text,
                };
                // A tool that panics ends its own call, which is recorded like any other.
                AssertUnwindSafe(work(run, asked))
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|_| Err(Error::internal()))
            }
        };
        let took = started.elapsed();
        let outcome = Outcome {
            success: result.is_ok(),
            status: status(&result),
            requests: requests.load(Ordering::Relaxed),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            touched: touched
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        };
        let recorded = self.audit.outcome(&record, &outcome).await;
        let result = match recorded {
            Ok(()) => result,
            Err(_) => Err(unrecorded(&result, &outcome.touched)),
        };
        // What the caller is told, which the trail could not say.
        let status = status(&result);
        crate::metrics::call(label, subject.door, status, took);
        caller.request.tell();
        tracing::info!(
            request_id = subject.request_id,
            trace_id = caller.request.trace_id(),
            door = subject.door,
            tool = subject.tool,
            user_id = subject.user_id,
            client = subject.client.map(tracing::field::display),
            status,
            requests = outcome.requests,
            duration_ms = outcome.duration_ms,
            "call"
        );
        result
    }
}

/// How a call ended, in a word: `ok`, or the code of its error.
fn status(result: &CallResult) -> &'static str {
    result
        .as_ref()
        .map_or_else(|error| error.code().as_str(), |_| "ok")
}

/// The call happened and its outcome could not be recorded: the caller must not take that for
/// success, and must not lose sight of what was done.
fn unrecorded(result: &CallResult, touched: &Touched) -> Error {
    let changed = !touched.message_ids.is_empty() || touched.thread_id.is_some();
    let text = match (changed, result) {
        (true, _) => "The audit log cannot be written; the change was made",
        (false, Ok(_)) => "The audit log cannot be written; the result is withheld",
        (false, Err(error)) if error.code() == Code::AuditUnavailable => return error.clone(),
        (false, Err(_)) => "The audit log cannot be written; the call failed",
    };
    let error = Error::new(Code::AuditUnavailable, text);
    if !changed {
        return error;
    }
    let ids: Vec<_> = touched
        .message_ids
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut hint = "Do not repeat it.".to_owned();
    if let Some(thread) = touched.thread_id {
        hint += &format!(" Thread started: {thread}.");
    }
    if !ids.is_empty() {
        hint += &format!(" Messages sent or deleted: {}", ids.join(", "));
    }
    error.hint(hint)
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where it stands"
)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;
    use crate::audit::{Content, ContentPolicy};
    use crate::auth::{Credential, Limits, Principal, Scopes};
    use crate::discord::Cdn;

    #[tokio::test]
    async fn a_tool_that_panics_is_answered_and_recorded_and_the_next_call_works() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("audit.log");
        let cdn = Cdn::new("http://127.0.0.1:1").unwrap();
        let dispatcher = Arc::new(Dispatcher::new(
            Connector::new("http://127.0.0.1:1", cdn).unwrap(),
            Audit::open(&log, false, Content::new(ContentPolicy::Full, None)).unwrap(),
            Duration::from_secs(5),
            4,
            0,
        ));
        let principal = Arc::new(Principal {
            user_id: "tester".into(),
            jti: None,
            scopes: Scopes::ALL,
            limits: Limits::default(),
            operator: Arc::default(),
            credential: Credential::Missing,
        });
        let caller = || {
            Caller::new(
                Arc::clone(&principal),
                "rest",
                RequestId::new("r".into(), None, None),
            )
        };
        let asked = || {
            Asked::Run(Invocation {
                tool: "get_messages".into(),
                params: Map::new(),
            })
        };

        let result = Arc::clone(&dispatcher)
            .record(caller(), asked(), |_, _| async {
                panic!("a tool with a fault")
            })
            .await;
        assert_eq!(result.err().unwrap().code(), Code::Internal);
        let result = Arc::clone(&dispatcher)
            .record(caller(), asked(), Run::through)
            .await;
        assert_eq!(result.err().unwrap().code(), Code::InvalidParams);

        let lines = std::fs::read_to_string(&log).unwrap();
        let statuses: Vec<_> = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone())
            .collect();
        assert_eq!(statuses, ["internal", "invalid_params"]);
    }
}
