//! `send_message`: says something in a channel, in a post that it opens, or in a thread that it
//! starts.

mod mentions;
mod post;

use std::pin::pin;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use self::mentions::MentionRule;
use super::files::NewFile;
use super::params::or_default;
use super::split::split;
use super::values::Text;
use super::{Call, Hints, Tool, text};
use crate::auth::Scope;
use crate::boxed::boxed;
use crate::discord::{ChannelId, Draft, GuildId, Mentions, Message, MessageId, Upload, timed_out};
use crate::error::Error;
use crate::hex;

/// The longest text of one message, in characters, which Discord counts as Unicode code points.
const MESSAGE_LIMIT: usize = 2000;
/// The longest text that is split.
const SPLIT_LIMIT: usize = 20_000;
/// How long a link to a message that was sent may be waited for.
const LINK_PATIENCE: Duration = Duration::from_secs(2);
/// How many tags a post may carry. <https://discord.com/developers/docs/resources/channel#modify-channel>
const TAG_LIMIT: usize = 5;
/// How many files a message may have. <https://discord.com/developers/docs/resources/message#create-message>
const FILE_LIMIT: usize = 10;

/// Parameters of `send_message`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendMessage {
    /// The channel or thread.
    channel_id: ChannelId,
    /// The text in Discord's Markdown: up to 2000 characters, or 20000 with `split`.
    #[serde(alias = "content")]
    #[schemars(length(min = 1, max = 20_000))]
    message: Option<String>,
    /// The id of a message here to answer.
    reply_to: Option<MessageId>,
    /// Start a thread of this name from the message `reply_to` and send into it.
    thread_name: Option<Text<1, 100>>,
    /// Open a post with this title in a forum or media channel.
    title: Option<Text<1, 100>>,
    /// The post's tags, by name or id.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(length(max = 5))]
    tags: Vec<Text<1, 20>>,
    /// Files to attach.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(length(max = 10))]
    files: Vec<NewFile>,
    /// Whom the text may notify; default nobody.
    #[serde(default, deserialize_with = "or_default")]
    mentions: MentionRule,
    /// No notification sound.
    #[serde(default, deserialize_with = "or_default")]
    silent: bool,
    /// Let Discord show previews of links.
    #[serde(default, deserialize_with = "or_default")]
    link_previews: bool,
    /// Send a longer text as several messages.
    #[serde(default, deserialize_with = "or_default")]
    split: bool,
    /// The same key again within minutes returns the first message instead of sending another.
    idempotency_key: Option<Text<1, 25>>,
}

/// Result of `send_message`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sent {
    /// The message that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Said>")]
    message: Option<Message>,
    /// With `split`: the messages that were sent, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Said>")]
    messages: Vec<Message>,
    /// The post that was opened, or the thread that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<ChannelId>,
    /// A link to the (first) message.
    #[serde(skip_serializing_if = "Option::is_none")]
    jump_url: Option<String>,
}

/// The schema of a message that was just sent: it has fewer parts than one that is read.
#[derive(JsonSchema)]
#[schemars(rename = "Message")]
#[allow(dead_code, reason = "only its schema is used")]
struct Said {
    id: MessageId,
    channel_id: ChannelId,
    author: Map<String, Value>,
    content: String,
    timestamp: String,
    #[schemars(skip_serializing_if = "Option::is_none")]
    reply_to: Option<MessageId>,
    #[schemars(skip_serializing_if = "Option::is_none")]
    quote: Option<Map<String, Value>>,
    #[schemars(skip_serializing_if = "Option::is_none")]
    attachments: Option<Vec<Value>>,
}

impl Tool for SendMessage {
    type Output = Sent;
    const NAME: &'static str = "send_message";
    const TITLE: &'static str = "Send message";
    const DESCRIPTION: &'static str = "Sends a message to a Discord channel or thread, visible to everyone there. Notifies nobody unless `mentions` says so. E.g. {\"channel_id\":\"#general\",\"message\":\"hi\"}.";
    const SCOPE: Scope = Scope::Write;
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: false,
        idempotent: false,
        open_world: true,
    };
    const FILES: bool = true;

    fn text(sent: &Sent) -> String {
        let lines = text::lines(sent.message.iter().chain(&sent.messages));
        format!(
            "Sent:\n{lines}{}",
            sent.jump_url.as_deref().unwrap_or_default()
        )
    }

    fn check(&self) -> Result<(), Error> {
        self.check_text()?;
        self.check_place()?;
        if self.files.len() > FILE_LIMIT {
            return Err(Error::invalid_params(format!(
                "`files` may hold at most {FILE_LIMIT} files"
            )));
        }
        // In a thread that is only being started there is nothing to answer.
        self.mentions
            .check(self.reply_to.is_some() && self.thread_name.is_none())
    }

    fn channel(&self) -> ChannelId {
        self.channel_id
    }

    fn attached(&self) -> usize {
        self.files.iter().map(NewFile::size).sum()
    }

    async fn run(mut self, call: &Call<'_>) -> Result<Sent, Error> {
        let files = std::mem::take(&mut self.files);
        let files: Vec<_> = files.into_iter().map(NewFile::into_upload).collect();
        let mentions = std::mem::take(&mut self.mentions).into_mentions();
        let mut sent = if self.title.is_some() {
            // In a box, so that other calls take less memory.
            boxed(|| self.open_post(call, &mentions, &files)).await?
        } else {
            self.send(call, &mentions, &files).await?
        };
        let channel = sent.thread_id.unwrap_or(self.channel_id);
        let first = sent.message.iter().chain(&sent.messages).next();
        let first = first.map(|message| message.id);
        // The message is sent; a failure to learn its guild costs the link and nothing else.
        let patience = call.soft_deadline.min(Instant::now() + LINK_PATIENCE);
        let guild = pin!(call.discord.guild_of(channel));
        let guild = tokio::time::timeout_at(patience, guild).await;
        let guild = guild.ok().and_then(Result::ok);
        sent.jump_url = first
            .zip(guild)
            .map(|(first, guild)| jump_url(guild, channel, first));
        Ok(sent)
    }
}

impl SendMessage {
    /// There must be a text, of the length that Discord takes, unless there are files.
    fn check_text(&self) -> Result<(), Error> {
        let text = self.message.as_deref();
        let Some(text) = text.filter(|text| self.files.is_empty() || !text.is_empty()) else {
            if self.files.is_empty() {
                return Err(Error::invalid_params("`message` is required"));
            }
            return Ok(());
        };
        let length = text.chars().count();
        let limit = if self.split {
            SPLIT_LIMIT
        } else {
            MESSAGE_LIMIT
        };
        if !(1..=limit).contains(&length) {
            let error = Error::invalid_params(format!(
                "`message` must be 1 to {limit} characters long; it has {length}"
            ));
            let splits = !self.split && length > limit && length <= SPLIT_LIMIT;
            return Err(if splits && self.title.is_none() {
                error.hint("Shorten it, or pass `split: true` to send it as several messages.")
            } else {
                error
            });
        }
        if text.trim().is_empty() {
            return Err(Error::invalid_params("`message` must not be blank"));
        }
        Ok(())
    }

    /// It goes to one place: the channel, a post, or a thread.
    fn check_place(&self) -> Result<(), Error> {
        let others = [
            ("reply_to", self.reply_to.is_some()),
            ("thread_name", self.thread_name.is_some()),
            ("split", self.split),
            // Discord opens a post each time that it is asked, under whatever key.
            ("idempotency_key", self.idempotency_key.is_some()),
        ];
        let other = others.iter().find(|(_, given)| *given);
        let problem = match (&self.title, other) {
            (Some(_), Some((name, _))) => format!("`{name}` cannot be used with `title`"),
            (None, _) if !self.tags.is_empty() => "`tags` needs `title`".to_owned(),
            _ if self.tags.len() > TAG_LIMIT => {
                format!("`tags` may name at most {TAG_LIMIT} tags")
            }
            _ if self.thread_name.is_some() && self.reply_to.is_none() => {
                "`thread_name` needs `reply_to`, the message to start from".to_owned()
            }
            _ => return Ok(()),
        };
        Err(Error::invalid_params(problem))
    }

    /// Sends the message, or its parts, into the channel or into a thread that it starts.
    async fn send(
        &self,
        call: &Call<'_>,
        mentions: &Mentions,
        files: &[Upload],
    ) -> Result<Sent, Error> {
        let mut thread = None;
        if let Some((name, message)) = self.thread_name.as_ref().zip(self.reply_to) {
            let starting = boxed(|| {
                call.discord
                    .start_thread(self.channel_id, message, name.as_str())
            });
            let started = in_time(call, starting).await?;
            call.touch_thread(started);
            thread = Some(started);
        }
        let channel = thread.unwrap_or(self.channel_id);
        let text = self.message.as_deref().unwrap_or_default();
        let texts = match text {
            "" => vec![String::new()],
            text if self.split => split(text, MESSAGE_LIMIT),
            text => vec![text.to_owned()],
        };
        let (key, own) = match &self.idempotency_key {
            Some(key) => (key.as_str().to_owned(), true),
            None => (uuid::Uuid::now_v7().to_string(), false),
        };
        let mut messages: Vec<Message> = Vec::with_capacity(texts.len());
        for (at, content) in texts.iter().enumerate() {
            let draft = Draft {
                content,
                // Files stand under the text they belong to.
                files: if at + 1 == texts.len() { files } else { &[] },
                reply_to: self.reply_to.filter(|_| at == 0 && thread.is_none()),
                mentions,
                silent: self.silent,
                link_previews: self.link_previews,
                nonce: Some(if own && at == 0 {
                    key.clone()
                } else {
                    nonce(&key, at)
                }),
            };
            let sending = pin!(call.discord.send_message(channel, &draft));
            match in_time(call, sending).await {
                Ok(sent) => {
                    call.touch(sent.id);
                    messages.push(sent);
                }
                Err(error) => return Err(unfinished(error, thread, &messages, texts.len())),
            }
        }
        let (message, messages) = if self.split {
            (None, messages)
        } else {
            (messages.pop(), Vec::new())
        };
        Ok(Sent {
            message,
            messages,
            thread_id: thread,
            jump_url: None,
        })
    }
}

/// Ends an operation that changes Discord when the call must answer. It is pinned elsewhere: to
/// hand over a future is to copy it.
async fn in_time<T>(
    call: &Call<'_>,
    doing: impl Future<Output = Result<T, Error>> + Unpin,
) -> Result<T, Error> {
    let done = tokio::time::timeout_at(call.soft_deadline, doing).await;
    done.unwrap_or_else(|_| Err(timed_out(true)))
}

/// A nonce for the part at `at` that follows from the key, within Discord's 25 characters.
fn nonce(key: &str, at: usize) -> String {
    let hash = digest(&SHA256, format!("{key}\n{at}").as_bytes());
    hex::encode(hash.as_ref().get(..12).unwrap_or_default())
}

/// Keeps what is known of a call that did a part of what it should.
fn unfinished(error: Error, thread: Option<ChannelId>, sent: &[Message], of: usize) -> Error {
    let ids: Vec<_> = sent.iter().map(|message| message.id.to_string()).collect();
    let parts = (!sent.is_empty()).then(|| {
        format!(
            "{} of {of} parts were sent, as messages {}; send only the rest.",
            sent.len(),
            ids.join(", ")
        )
    });
    let thread = thread.map(|thread| {
        format!("The thread was started: send into it, with {thread} for `channel_id`.")
    });
    let hint: Vec<_> = thread.into_iter().chain(parts).collect();
    if hint.is_empty() {
        error
    } else {
        error.hint(hint.join(" "))
    }
}

fn jump_url(guild: Option<GuildId>, channel: ChannelId, message: MessageId) -> String {
    let guild = guild.map_or_else(|| "@me".to_owned(), |guild| guild.to_string());
    let (channel, message) = (channel.to_string(), message.to_string());
    ["https://discord.com/channels", &guild, &channel, &message].join("/")
}
