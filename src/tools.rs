//! The five tools: one trait, one table. Both doors, the schemas, the scopes, the README's table
//! and the tests read the table.

mod files;
mod get_channel_info;
mod get_messages;
mod moderate_content;
mod params;
mod prompts;
mod references;
mod schema;
mod search_messages;
mod send_message;
mod split;
mod text;
mod values;

pub use files::{CALL_LIMIT, check_size, check_weight, json_size, recorded, too_large};
pub(crate) use params::printable;
pub use prompts::{Argument, PROMPTS, Prompt};
pub(crate) use references::{ChannelName, References, UserName};

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::audit::Touched;
use crate::auth::Scope;
use crate::boxed::boxed;
use crate::discord::{ChannelId, Discord, Message, MessageId, UserId};
use crate::error::Error;

/// A tool is its parameters: reading them makes the call, running it consumes them.
trait Tool: DeserializeOwned + JsonSchema + Send + 'static {
    /// What it returns.
    type Output: Serialize + JsonSchema;
    const NAME: &'static str;
    const TITLE: &'static str;
    const DESCRIPTION: &'static str;
    const SCOPE: Scope;
    const HINTS: Hints;
    /// The address under which its result is a resource, if it is one.
    const RESOURCE: Option<Resource> = None;

    /// Whether it acts on a message, so that a link to one names all that it needs.
    const ACTS_ON_A_MESSAGE: bool = false;
    /// Whether its parameter `files` holds files.
    const FILES: bool = false;

    /// Refuses combinations that no single parameter's type can refuse.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The channel it acts in, by which a token can be limited.
    fn channel(&self) -> ChannelId;

    /// Whether this call can change Discord, so that it needs an intent in the audit log.
    fn has_effect(&self) -> bool {
        !Self::HINTS.read_only
    }

    /// What a user must be asked before this call runs, where there is somebody to ask.
    fn confirmation(&self) -> Option<String> {
        None
    }

    /// How many bytes of files it would send.
    fn attached(&self) -> usize {
        0
    }

    /// Takes the pictures out of the result.
    fn images(_output: &mut Self::Output) -> Vec<Image> {
        Vec::new()
    }

    /// The result as text, for models whose client hands on nothing else.
    fn text(output: &Self::Output) -> String;

    /// Does it.
    fn run(self, call: &Call<'_>) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// What a tool may use while it runs.
pub struct Call<'a> {
    /// The client of this call.
    pub discord: &'a Discord,
    /// When to stop and answer with what there is: a little before the call is cut off.
    pub soft_deadline: Instant,
    /// Where the tool notes what it touched, for the audit.
    pub touched: &'a Mutex<Touched>,
    /// Told how far the tool has come: how many messages of at most how many.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// Whether anybody will read the result as text.
    pub text: bool,
}

/// What a tool returns.
pub struct Done {
    /// A JSON object of the output schema, as text.
    pub result: String,
    /// The same as text; empty where nobody wanted it.
    pub text: String,
    /// The data of the result's `images`, in their order.
    pub images: Vec<Image>,
}

/// A picture for a model that can see.
pub struct Image {
    /// Its media type.
    pub media_type: &'static str,
    /// The file, in base64.
    pub data: String,
}

impl Done {
    /// The result with the data of its pictures in it, for doors that have no other place for them.
    ///
    /// # Errors
    /// `internal` where it is not of the form of a result with pictures.
    pub fn whole(self) -> Result<String, Error> {
        if self.images.is_empty() {
            return Ok(self.result);
        }
        let mut result: Value =
            serde_json::from_str(&self.result).map_err(|_| Error::internal())?;
        let shown = result.get_mut("images").and_then(Value::as_array_mut);
        for (shown, image) in shown.into_iter().flatten().zip(self.images) {
            if let Value::Object(shown) = shown {
                shown.insert("data".into(), image.data.into());
            }
        }
        Ok(result.to_string())
    }
}

/// The address under which a tool's result is a resource.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// A URI template with one variable, the parameter that it stands for (RFC 6570, level 1).
    pub template: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The name that people read.
    pub title: &'static str,
}

impl Call<'_> {
    /// Notes that a message was sent or deleted.
    fn touch(&self, message: MessageId) {
        self.touched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .message_ids
            .push(message);
    }

    /// Notes that a thread was started, or a post opened.
    fn touch_thread(&self, thread: ChannelId) {
        self.touched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .thread_id = Some(thread);
    }
}

/// Bots without the Message Content intent read empty messages; this says so where it looks so.
/// <https://discord.com/developers/docs/events/gateway#message-content-intent>
fn intent_hint(messages: &[Message], bot: UserId) -> Option<&'static str> {
    let mut others = messages
        .iter()
        .filter(|message| message.is_plain() && message.author.id != Some(bot))
        .peekable();
    let blank = others.peek().is_some() && others.all(Message::is_empty);
    blank.then_some("Every message is empty: the bot probably lacks the Message Content intent. Switch it on in Discord's developer portal under Bot, Privileged Gateway Intents.")
}

/// What a client may tell its user about a tool before it is called.
/// <https://modelcontextprotocol.io/specification/2025-11-25/schema#toolannotations>
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hints {
    /// It changes nothing.
    #[serde(rename = "readOnlyHint")]
    pub read_only: bool,
    /// It can take away what was there.
    #[serde(rename = "destructiveHint")]
    pub destructive: bool,
    /// The same call again has no further effect.
    #[serde(rename = "idempotentHint")]
    pub idempotent: bool,
    /// It acts on a world outside of the server.
    #[serde(rename = "openWorldHint")]
    pub open_world: bool,
}

/// A tool as the doors see it.
pub struct Entry {
    /// The name by which it is called.
    pub name: &'static str,
    /// The name that people read.
    pub title: &'static str,
    /// What it does, for the model that decides whether to call it.
    pub description: &'static str,
    /// The scope it needs.
    pub scope: Scope,
    /// Its annotations.
    pub hints: Hints,
    /// The address under which its result is a resource.
    pub resource: Option<Resource>,
    /// Whether its parameter `files` holds files.
    pub files: bool,
    /// The JSON Schema of its parameters.
    pub input_schema: fn() -> Map<String, Value>,
    /// The JSON Schema of its result.
    pub output_schema: fn() -> Map<String, Value>,
    /// Whether it acts on a message, so that a link to one names all that it needs.
    pub acts_on_a_message: bool,
    /// Reads and checks parameters.
    pub prepare: Prepare,
}

/// Reads and checks a tool's parameters.
pub type Prepare = fn(Map<String, Value>) -> Result<Box<dyn Prepared>, Error>;

/// A call whose parameters are good, ready to run.
pub trait Prepared: Send {
    /// The channel it acts in.
    fn channel(&self) -> ChannelId;
    /// Whether it can change Discord.
    fn has_effect(&self) -> bool;
    /// What a user must be asked before it runs, where there is somebody to ask.
    fn confirmation(&self) -> Option<String>;
    /// How many bytes of files it would send.
    fn attached(&self) -> usize;
    /// Runs it.
    fn run<'a>(self: Box<Self>, call: &'a Call<'a>) -> Running<'a>;
}

/// A tool at work.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Done, Error>> + Send + 'a>>;

impl<T: Tool> Prepared for T {
    fn channel(&self) -> ChannelId {
        Tool::channel(self)
    }

    fn has_effect(&self) -> bool {
        Tool::has_effect(self)
    }

    fn confirmation(&self) -> Option<String> {
        Tool::confirmation(self)
    }

    fn attached(&self) -> usize {
        Tool::attached(self)
    }

    fn run<'a>(self: Box<Self>, call: &'a Call<'a>) -> Running<'a> {
        boxed(|| async move {
            let mut output = Tool::run(*self, call).await?;
            let images = T::images(&mut output);
            let result = serde_json::to_string(&output).map_err(|_| Error::internal())?;
            let text = call.text.then(|| T::text(&output));
            Ok(Done {
                result,
                text: text.unwrap_or_default(),
                images,
            })
        })
    }
}

/// Every tool, in the order in which they are listed.
pub static TOOLS: [Entry; 5] = [
    entry::<send_message::SendMessage>(),
    entry::<get_messages::GetMessages>(),
    entry::<get_channel_info::GetChannelInfo>(),
    entry::<search_messages::SearchMessages>(),
    entry::<moderate_content::ModerateContent>(),
];

/// The tool of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    TOOLS.iter().find(|tool| tool.name == name)
}

const fn entry<T: Tool>() -> Entry {
    Entry {
        name: T::NAME,
        title: T::TITLE,
        description: T::DESCRIPTION,
        scope: T::SCOPE,
        hints: T::HINTS,
        resource: T::RESOURCE,
        acts_on_a_message: T::ACTS_ON_A_MESSAGE,
        files: T::FILES,
        input_schema: schema::input::<T>,
        output_schema: schema::output::<T::Output>,
        prepare: |params| {
            let tool: T = params::read(params)?;
            tool.check()?;
            Ok(Box::new(tool))
        },
    }
}
