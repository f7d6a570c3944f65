//! Sending: a message, with files, as the first of a post, and the thread it may stand in.

use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use serenity::http::{LightMethod, Route};

use super::api::{channel_id, json_bytes, message_id, object};
use super::client::{Answer, Discord};
use super::fault::Operation;
use super::id::{ChannelId, MessageId, RoleId, Snowflake, UserId};
use super::lenient;
use super::model::{Channel, Message};
use super::place::Place;
use super::upload::{Attachment, Form, Upload};
use crate::error::Error;

/// Suppresses embeds. <https://discord.com/developers/docs/resources/message#message-object-message-flags>
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Sends without a notification.
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// Whom a message may notify.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    /// These users, where the text mentions them.
    pub users: Vec<UserId>,
    /// These roles, where the text mentions them.
    pub roles: Vec<RoleId>,
    /// `@everyone` and `@here`.
    pub everyone: bool,
    /// The author of the message that is answered.
    pub replied_user: bool,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The text, at most 2000 characters; empty only where there are files.
    pub content: &'a str,
    /// At most ten files.
    pub files: &'a [Upload],
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// Whom it may notify.
    pub mentions: &'a Mentions,
    /// Whether it makes no sound.
    pub silent: bool,
    /// Whether Discord may show previews of links.
    pub link_previews: bool,
    /// Under the same nonce, at most 25 characters, Discord sends only once within minutes: what
    /// makes it safe to try again. Not for the first message of a post, which knows none.
    pub nonce: Option<String>,
}

/// A post that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The post, which is a thread.
    pub thread: ChannelId,
    /// Its first message, where it could be read.
    pub message: Option<Message>,
}

impl Discord {
    /// Sends a message.
    ///
    /// # Errors
    /// What Discord refuses; after a failure whose message says so, the message may exist.
    pub async fn send_message(
        &self,
        channel: ChannelId,
        draft: &Draft<'_>,
    ) -> Result<Message, Error> {
        let operation = if draft.files.is_empty() {
            Operation::Send
        } else {
            Operation::SendFiles
        };
        let route = Route::ChannelMessages {
            channel_id: channel_id(channel),
        };
        let body = NewMessage::new(channel, draft);
        let answer = self.post(operation, route, &body, draft.files).await?;
        let mut sent: Message = object(operation, &answer)?;
        sent.channel_id = channel;
        Ok(sent)
    }

    /// Opens a post in a forum or media channel; in any other channel Discord would start a private
    /// thread. Discord does not tell two posts of the same title apart, so this is tried again only
    /// where nothing was done.
    ///
    /// # Errors
    /// What Discord refuses; after a failure whose message says so, the post may exist.
    pub async fn open_post(
        &self,
        forum: ChannelId,
        title: &str,
        tags: &[Snowflake],
        draft: &Draft<'_>,
    ) -> Result<Opened, Error> {
        #[derive(Deserialize)]
        struct First {
            #[serde(default, deserialize_with = "lenient::maybe")]
            message: Option<Message>,
        }
        let operation = Operation::OpenPost;
        let route = Route::ChannelForumPosts {
            channel_id: channel_id(forum),
        };
        let body = NewPost {
            name: title,
            applied_tags: tags,
            message: NewMessage::new(forum, draft),
        };
        let answer = self.post(operation, route, &body, draft.files).await?;
        let thread = self.thread(operation, &answer)?;
        let first = serde_json::from_str(&answer.text()).ok();
        let mut message = first.and_then(|First { message }| message);
        if let Some(message) = &mut message {
            message.channel_id = thread;
        }
        Ok(Opened { thread, message })
    }

    /// Starts a thread from a message; its id is the message's. Tried again only where nothing was
    /// done.
    ///
    /// # Errors
    /// What Discord refuses; after a failure whose message says so, the thread may exist.
    pub async fn start_thread(
        &self,
        channel: ChannelId,
        message: MessageId,
        name: &str,
    ) -> Result<ChannelId, Error> {
        let operation = Operation::StartThread;
        let route = Route::ChannelMessageThreads {
            channel_id: channel_id(channel),
            message_id: message_id(message),
        };
        let answer = self
            .post(operation, route, &NewThread { name }, &[])
            .await?;
        self.thread(operation, &answer)
    }

    /// The thread that Discord answers with, and where it is.
    fn thread(&self, operation: Operation, answer: &Answer) -> Result<ChannelId, Error> {
        let thread: Channel = object(operation, answer)?;
        self.shared.places.remember(thread.id, Place::of(&thread));
        Ok(thread.id)
    }

    /// Posts JSON, or a form of it and of files.
    async fn post(
        &self,
        operation: Operation,
        route: Route<'_>,
        body: &impl Serialize,
        files: &[Upload],
    ) -> Result<Answer, Error> {
        let (mut body, mut headers) = (json_bytes(body)?, HeaderMap::new());
        if !files.is_empty() {
            let form = Form::new(&body, files)?;
            headers.insert(header::CONTENT_TYPE, form.content_type);
            body = form.body;
        }
        let method = LightMethod::Post;
        self.execute(operation, route, method, &[], Some(body), headers)
            .await
    }
}

/// The body of a request to open a post.
/// <https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel>
#[derive(Serialize)]
struct NewPost<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    applied_tags: &'a [Snowflake],
    message: NewMessage<'a>,
}

/// The body of a request to start a thread from a message.
/// <https://discord.com/developers/docs/resources/channel#start-thread-from-message>
#[derive(Serialize)]
struct NewThread<'a> {
    name: &'a str,
}

/// The body of a request to send a message.
/// <https://discord.com/developers/docs/resources/message#create-message>
#[derive(Serialize)]
struct NewMessage<'a> {
    content: &'a str,
    /// Always there: without it Discord notifies everyone that the text can reach.
    allowed_mentions: AllowedMentions<'a>,
    flags: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforce_nonce: Option<bool>,
}

#[derive(Serialize)]
struct AllowedMentions<'a> {
    parse: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    users: &'a [UserId],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'a [RoleId],
    replied_user: bool,
}

#[derive(Serialize)]
struct Reference {
    channel_id: ChannelId,
    message_id: MessageId,
}

impl<'a> NewMessage<'a> {
    fn new(channel_id: ChannelId, draft: &'a Draft<'_>) -> Self {
        let Mentions {
            users,
            roles,
            everyone,
            replied_user,
        } = draft.mentions;
        let mut flags = 0;
        if draft.silent {
            flags |= SUPPRESS_NOTIFICATIONS;
        }
        if !draft.link_previews {
            flags |= SUPPRESS_EMBEDS;
        }
        Self {
            content: draft.content,
            allowed_mentions: AllowedMentions {
                parse: if *everyone { &["everyone"] } else { &[] },
                users,
                roles,
                replied_user: *replied_user,
            },
            flags,
            message_reference: draft.reply_to.map(|message_id| Reference {
                channel_id,
                message_id,
            }),
            attachments: Attachment::list(draft.files),
            nonce: draft.nonce.as_deref(),
            enforce_nonce: draft.nonce.as_ref().map(|_| true),
        }
    }
}
