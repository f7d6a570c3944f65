//! Which of the messages are there: from their pages of history, and for a rehearsal one by one.

use std::collections::{BTreeSet, HashSet};

use super::{Call, Failure, ModerateContent, Moderated, stops_all};
use crate::discord::{Bounds, Message, MessageId, PAGE, undeletable};
use crate::error::{Code, Error};

/// How many pages of history are read to learn which messages exist.
const PAGES_LIMIT: usize = 5;

/// What history tells of some messages.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) there: Vec<Message>,
    pub(super) gone: Vec<MessageId>,
    pub(super) unknown: BTreeSet<MessageId>,
}

impl ModerateContent {
    /// Reads history from the newest target backwards and sorts the targets into those that are
    /// there, those that are gone, and those that these pages do not tell of.
    pub(super) async fn look_up(
        &self,
        call: &Call<'_>,
        targets: &BTreeSet<MessageId>,
    ) -> Result<Looked, Error> {
        let mut looked = Looked::default();
        let mut open = targets.clone();
        for _ in 0..PAGES_LIMIT {
            let Some(newest) = open.last() else { break };
            let page = call
                .discord
                .messages(self.channel_id, Bounds::Before(newest.0.after()), PAGE)
                .await?;
            let whole = page.messages.len() == page.received;
            // A bot that may not read history gets an empty page, which tells nothing.
            let Some(reached) = page.messages.last().map(|message| message.id) else {
                break;
            };
            let beginning = page.received < PAGE;
            let seen = if beginning {
                std::mem::take(&mut open)
            } else {
                open.split_off(&reached)
            };
            let there: HashSet<_> = page.messages.iter().map(|message| message.id).collect();
            let missing = seen.iter().filter(|id| !there.contains(id));
            if whole {
                looked.gone.extend(missing);
            } else {
                // It may be the one that could not be read.
                looked.unknown.extend(missing);
            }
            looked.there.extend(
                page.messages
                    .into_iter()
                    .filter(|message| seen.contains(&message.id)),
            );
        }
        looked.unknown.extend(open);
        Ok(looked)
    }

    /// What would be deleted.
    pub(super) async fn rehearse(&self, call: &Call<'_>) -> Result<Moderated, Error> {
        let targets = self.targets();
        let mut looked = if targets.len() > 1 {
            self.look_up(call, &targets).await?
        } else {
            Looked {
                unknown: targets,
                ..Looked::default()
            }
        };
        let mut failed = Vec::new();
        let mut first_reason = None;
        for id in std::mem::take(&mut looked.unknown) {
            match call.discord.message(self.channel_id, id).await {
                Ok(message) => looked.there.push(message),
                Err(error) if error.code() == Code::UnknownMessage => looked.gone.push(id),
                Err(error) if stops_all(&error) => return Err(error),
                Err(error) => {
                    failed.push(Failure::new(id, &error));
                    first_reason.get_or_insert(error);
                }
            }
        }
        looked.there.sort_by_key(|message| message.id);
        let (would_delete, stay): (Vec<_>, Vec<_>) =
            looked.there.into_iter().partition(Message::is_deletable);
        failed.extend(
            stay.iter()
                .map(|message| Failure::new(message.id, &undeletable())),
        );
        if would_delete.is_empty() && looked.gone.is_empty() {
            return Err(first_reason.unwrap_or_else(undeletable));
        }
        Ok(Moderated {
            would_delete: Some(would_delete),
            already_gone: looked.gone,
            failed,
            ..Moderated::default()
        })
    }
}
