//! Opening a post in a forum or media channel, with its tags.

use std::pin::pin;

use super::super::text::quoted;
use super::super::values::Text;
use super::{Call, SendMessage, Sent, in_time};
use crate::discord::{Draft, Mentions, Snowflake, Upload};
use crate::error::{Code, Error};

/// Discord's code for a post without the tag that its channel asks for.
/// <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>
const TAG_REQUIRED: u64 = 40_067;

impl SendMessage {
    /// Opens the post, and says where it is.
    pub(super) async fn open_post(
        &self,
        call: &Call<'_>,
        mentions: &Mentions,
        files: &[Upload],
    ) -> Result<Sent, Error> {
        let tags = self.tag_ids(call).await?;
        let draft = Draft {
            content: self.message.as_deref().unwrap_or_default(),
            files,
            reply_to: None,
            mentions,
            silent: self.silent,
            link_previews: self.link_previews,
            nonce: None,
        };
        let title = self.title.as_ref().map(Text::as_str).unwrap_or_default();
        let opening = call
            .discord
            .open_post(self.channel_id, title, &tags, &draft);
        let opened = match in_time(call, pin!(opening)).await {
            Ok(opened) => opened,
            Err(error) if wants_tag(&error) => return Err(self.with_tags(call, error).await),
            Err(error) if error.code() == Code::DiscordTimeout => {
                return Err(error.hint(
                    "List the channel's threads before trying again: the post may be there.",
                ));
            }
            Err(error) => return Err(error),
        };
        call.touch_thread(opened.thread);
        if let Some(message) = &opened.message {
            call.touch(message.id);
        }
        Ok(Sent {
            message: opened.message,
            messages: Vec::new(),
            thread_id: Some(opened.thread),
            jump_url: None,
        })
    }

    /// The ids of the tags, which may be given by name. Without tags a look at the kind of channel
    /// is enough, and most often it is remembered.
    async fn tag_ids(&self, call: &Call<'_>) -> Result<Vec<Snowflake>, Error> {
        let no_forum = || {
            Error::invalid_params(
                "`title` opens a post, and `channel_id` is no forum or media channel",
            )
        };
        if self.tags.is_empty() {
            let place = call.discord.place(self.channel_id).await?;
            return place.is_forum.then(Vec::new).ok_or_else(no_forum);
        }
        let channel = call.discord.channel(self.channel_id).await?;
        let forum = channel.forum.ok_or_else(no_forum)?;
        let mut ids = Vec::with_capacity(self.tags.len());
        for (at, wanted) in self.tags.iter().enumerate() {
            let wanted = wanted.as_str().trim();
            let id = Snowflake::parse(wanted);
            let by_id = forum.tags.iter().find(|tag| Some(tag.id) == id);
            let lower = wanted.to_lowercase();
            let by_name = || {
                let mut tags = forum.tags.iter();
                tags.find(|tag| tag.name.trim().to_lowercase() == lower)
            };
            let Some(tag) = by_id.or_else(by_name) else {
                let names = forum.tags.iter().map(|tag| tag.name.as_str());
                let problem = format!("`tags[{at}]` is no tag of this channel");
                return Err(Error::invalid_params(problem).hint(there_are(names)));
            };
            if !ids.contains(&tag.id) {
                ids.push(tag.id);
            }
        }
        Ok(ids)
    }

    /// Names the tags of which the channel wants one.
    async fn with_tags(&self, call: &Call<'_>, error: Error) -> Error {
        let channel = call.discord.channel(self.channel_id).await;
        match channel.ok().and_then(|channel| channel.forum) {
            Some(forum) => error.hint(there_are(forum.tags.iter().map(|tag| tag.name.as_str()))),
            None => error,
        }
    }
}

fn wants_tag(error: &Error) -> bool {
    let answer = error.discord_answer();
    answer.is_some_and(|answer| answer.code == Some(TAG_REQUIRED))
}

/// The names were chosen by people on Discord, so they stand in quotation marks.
fn there_are<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("\"{}\"", quoted(name))).collect();
    if names.is_empty() {
        "This channel has no tags.".to_owned()
    } else {
        format!("Its tags are {}.", names.join(", "))
    }
}
