//! The search that reads history, newest first.

use tokio::time::Instant;

use super::merge::Next;
use super::reader::Reader;
use super::{Call, Mode, NoIndex, Results, SearchMessages};
use crate::discord::{Message, MessageId};
use crate::error::{Code, Error};

impl SearchMessages {
    /// Reads history until there are enough results, `max_scan` messages were read, the time is
    /// up, or nothing older is left.
    pub(super) async fn scan(
        &self,
        call: &Call<'_>,
        fallback: Option<NoIndex>,
    ) -> Result<Results, Error> {
        let (limit, max_scan) = (self.limit.get(), self.max_scan.get());
        let mut reader = Reader::new(call, self);
        let mut found: Vec<Message> = Vec::new();
        let (mut scanned, mut told) = (0, 0);
        let mut last_seen: Option<MessageId> = None;
        let at_end = loop {
            if reader.is_at_end() {
                break true;
            }
            if found.len() == limit || scanned == max_scan {
                break false;
            }
            match reader.next() {
                None => break true,
                Some(Next::Entry(seen)) => {
                    scanned += 1;
                    last_seen = Some(seen.id);
                    found.extend(seen.result.map(|message| *message));
                }
                Some(Next::Read(source)) => {
                    tell(call, scanned, &mut told, max_scan);
                    if reader.is_spent() || Instant::now() >= call.soft_deadline {
                        break false;
                    }
                    let read = reader.read(source, max_scan - scanned);
                    match tokio::time::timeout_at(call.soft_deadline, read).await {
                        Ok(Ok(())) => {}
                        // With something read already the answer is what there is; else the limit
                        // or the deadline speaks.
                        Ok(Err(error)) if scanned > 0 && error.code() == Code::RateLimited => {
                            break false;
                        }
                        Ok(Err(error)) => return Err(error),
                        Err(_) if scanned > 0 => break false,
                        Err(_) => return Err(crate::discord::timed_out(false)),
                    }
                }
            }
        };
        tell(call, scanned, &mut told, max_scan);
        // A bot that may not read history gets an empty page, as if there were nothing to read.
        let nothing = scanned == 0 && matches!(fallback, Some(NoIndex::Forbidden(_)));
        let complete = at_end && !reader.has_gaps() && !nothing;
        Ok(Results {
            asked: self.channel_id,
            messages: found,
            mode: Mode::Scan,
            fallback: fallback.as_ref().map(NoIndex::text),
            scanned: Some(scanned),
            complete,
            total_results: None,
            next_before: last_seen.filter(|_| !complete),
            hint: reader.hint(),
        })
    }
}

/// Tells how many messages were read, where that has grown.
fn tell(call: &Call<'_>, scanned: usize, told: &mut usize, max_scan: usize) {
    if scanned > *told {
        *told = scanned;
        (call.progress)(scanned, max_scan);
    }
}
