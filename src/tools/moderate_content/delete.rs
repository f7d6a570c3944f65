//! The deletion: in bulk where Discord does that, one by one elsewhere.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::{Call, Failure, ModerateContent, Moderated, Text, gone, stops_all};
use crate::discord::{MessageId, timed_out};
use crate::error::{Code, Error};

/// Older messages cannot be deleted in bulk. Fourteen days, less a minute for clocks that differ.
const BULK_AGE: time::Duration = time::Duration::seconds(14 * 86_400 - 60);
/// After how many refusals with status 403 single deletes stop: each counts against the host's
/// address at Discord. The bot's own messages among the rest could still be deleted.
const REFUSALS_LIMIT: usize = 5;

impl ModerateContent {
    /// Deletes, and says truly what.
    pub(super) async fn delete(&self, call: &Call<'_>) -> Result<Moderated, Error> {
        let reason = self.reason.as_ref().map(Text::as_str);
        let mut result = Moderated::default();
        let mut first_reason = None;
        let mut singles = self.targets();
        let young = OffsetDateTime::now_utc() - BULK_AGE;
        let recent: BTreeSet<_> = singles
            .iter()
            .copied()
            .filter(|id| id.0.created_at() > young)
            .collect();
        if recent.len() > 1 {
            // A bulk delete does not say which of its messages existed; their page of history does.
            let looked = self.look_up(call, &recent).await?;
            result.already_gone = looked.gone;
            singles.retain(|id| !result.already_gone.contains(id));
            let there: Vec<_> = looked.there.iter().map(|message| message.id).collect();
            let bulk = if there.len() > 1 {
                self.delete_in_bulk(call, &there, reason).await?
            } else {
                Bulk::Refused
            };
            match bulk {
                Bulk::Deleted => {
                    there.iter().for_each(|&id| call.touch(id));
                    singles.retain(|id| !there.contains(id));
                    result.deleted = there;
                }
                Bulk::Refused => {}
                Bulk::Forbidden(error) => {
                    let others = looked
                        .there
                        .iter()
                        .filter(|message| message.author.id != Some(call.discord.bot()));
                    result.failed = others
                        .map(|message| Failure::new(message.id, &error))
                        .collect();
                    singles.retain(|id| !result.failed.iter().any(|failure| failure.id == *id));
                    first_reason = Some(error);
                }
            }
        }
        let mut refusals = 0;
        let mut singles = singles.into_iter();
        while let Some(id) = singles.next() {
            let attempt = call.discord.delete_message(self.channel_id, id, reason);
            let attempt = tokio::time::timeout_at(call.soft_deadline, attempt).await;
            let error = match attempt.unwrap_or_else(|_| Err(timed_out(true))) {
                Ok(()) => {
                    call.touch(id);
                    result.deleted.push(id);
                    continue;
                }
                Err(error) => error,
            };
            if error.code() == Code::UnknownMessage {
                result.already_gone.push(id);
            } else {
                result.failed.push(Failure::new(id, &error));
            }
            refusals += usize::from(
                error
                    .discord_answer()
                    .is_some_and(|answer| answer.status == 403),
            );
            // What stops one stops all; asking on would only use up Discord's patience.
            if stops_all(&error) || refusals == REFUSALS_LIMIT {
                result.failed.extend(singles.by_ref().map(|id| Failure {
                    id,
                    code: error.code().as_str(),
                    message: "Not tried, after the failures before it".into(),
                }));
            }
            first_reason.get_or_insert(error);
        }
        if result.deleted.is_empty() {
            return Err(first_reason.unwrap_or_else(gone));
        }
        result.deleted.sort_unstable();
        result.already_gone.sort_unstable();
        Ok(result)
    }

    /// Deletes all or none.
    async fn delete_in_bulk(
        &self,
        call: &Call<'_>,
        ids: &[MessageId],
        reason: Option<&str>,
    ) -> Result<Bulk, Error> {
        match call
            .discord
            .delete_messages(self.channel_id, ids, reason)
            .await
        {
            Ok(()) => Ok(Bulk::Deleted),
            Err(error) if error.code() == Code::InvalidParams => Ok(Bulk::Refused),
            Err(error) if error.code() == Code::MissingPermission => Ok(Bulk::Forbidden(error)),
            Err(error) => Err(error),
        }
    }
}

/// How a bulk delete ended.
enum Bulk {
    Deleted,
    /// Not in bulk, as in a direct message or with a notice of Discord's among them; each by
    /// itself may go.
    Refused,
    /// Not without a permission that the bot lacks; its own messages need none by themselves.
    Forbidden(Error),
}
