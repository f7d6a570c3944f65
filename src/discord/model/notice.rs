//! Discord's own notices in words: what happened, and who did it.

use serde::Deserialize;

use super::message::Wire;
use super::parts::{Author, shown};
use crate::discord::lenient;
use crate::discord::text::brief;
use crate::timestamp::Timestamp;

/// How many characters of a name or title go into a sentence.
const NAME: usize = 100;

/// A call in a direct message.
#[derive(Deserialize)]
pub(super) struct Call {
    #[serde(default, deserialize_with = "lenient::scalar")]
    ended_timestamp: Option<Timestamp>,
}

/// A command of an app, and who gave it.
#[derive(Deserialize)]
pub(super) struct Interaction {
    #[serde(default, deserialize_with = "shown")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    user: Option<Author>,
}

/// A membership that somebody pays for.
#[derive(Deserialize)]
pub(super) struct Subscription {
    #[serde(default)]
    tier_name: String,
    #[serde(default)]
    total_months_subscribed: u64,
    #[serde(default)]
    is_renewal: bool,
}

/// An app, by its name.
#[derive(Deserialize)]
pub(super) struct Application {
    #[serde(default)]
    name: String,
}

/// Something that was bought.
#[derive(Deserialize)]
pub(super) struct Purchase {
    #[serde(default, deserialize_with = "lenient::maybe")]
    guild_product_purchase: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(default)]
    product_name: String,
}

/// A notice as a sentence, `None` for what people and apps write themselves and for types newer than
/// this program. Names and titles in it are what people chose.
/// <https://discord.com/developers/docs/resources/message#message-object-message-types>
pub(super) fn sentence(wire: &Wire<'_>, author: &Author) -> Option<String> {
    // Nearly all are messages or replies.
    if matches!(wire.kind, 0 | 19) {
        return None;
    }
    let who = name(author.shown());
    let content = || title(&wire.content);
    let about = |with: &str, without: &str| match other(wire, author) {
        Some(other) => format!("{who} {with} {other}."),
        None => format!("{who} {without}."),
    };
    Some(match wire.kind {
        1 => about("added", "joined"),
        2 => about("removed", "left"),
        3 => match wire.call.as_ref().and_then(|call| call.ended_timestamp) {
            Some(end) => format!("{who} started a call, which ended at {end}."),
            None => format!("{who} started a call."),
        },
        4 => format!("{who} changed the channel's name to {}.", content()),
        5 => format!("{who} changed the channel's icon."),
        6 => match wire.message_reference.as_ref().and_then(|to| to.message_id) {
            Some(id) => format!("{who} pinned message {id}."),
            None => format!("{who} pinned a message."),
        },
        7 => format!("{who} joined the server."),
        8 => match wire.content.parse::<u32>() {
            Ok(times) if times > 1 => format!("{who} boosted the server {times} times."),
            _ => format!("{who} boosted the server."),
        },
        9..=11 => {
            let level = wire.kind - 8;
            format!("{who} boosted the server, which reached level {level}.")
        }
        12 => format!(
            "{who} had the announcements of {} sent to this channel.",
            content()
        ),
        14 => "The server was taken off Server Discovery: it misses the requirements.".into(),
        15 => "The server is in Server Discovery again.".into(),
        16 => "The server has missed the requirements of Server Discovery for a week.".into(),
        17 => "The server has missed the requirements of Server Discovery for three weeks.".into(),
        18 => format!("{who} started the thread {}.", content()),
        20 | 23 => command(wire)?,
        21 => "This thread was started from an earlier message.".into(),
        22 => "Discord suggests inviting people to this server.".into(),
        24 => match fact(wire, "rule_name") {
            Some(rule) => format!("AutoMod applied {rule} to a message of {who}."),
            None => format!("AutoMod acted on a message of {who}."),
        },
        25 => subscription(wire, &who),
        26 => "An app offers something for money.".into(),
        27 => format!("{who} started the stage {}.", content()),
        28 => format!("{who} ended the stage {}.", content()),
        29 => format!("{who} is now a speaker."),
        31 => format!("{who} changed the stage's topic to {}.", content()),
        32 => {
            let app = wire.application.as_ref().map(|app| title(&app.name));
            let app = app.unwrap_or_else(|| "an app".into());
            format!("{who} subscribed to {app} for the server.")
        }
        36 => match Timestamp::read(&wire.content) {
            Some(until) => format!("{who} turned security actions on until {until}."),
            None => format!("{who} turned security actions on."),
        },
        37 => format!("{who} turned security actions off."),
        38 => format!("{who} reported a raid."),
        39 => format!("{who} reported a false alarm of a raid."),
        44 => {
            let bought = wire.purchase_notification.as_ref();
            let bought = bought.and_then(|bought| bought.guild_product_purchase.as_ref());
            let bought = bought.map(|product| title(&product.product_name));
            format!(
                "{who} bought {}.",
                bought.unwrap_or_else(|| "something".into())
            )
        }
        46 => poll_result(wire),
        55 => format!("{who} made streams here HD."),
        _ => return None,
    })
}

/// Whom a notice is about besides its author.
fn other(wire: &Wire<'_>, author: &Author) -> Option<String> {
    let (mentioned, _) = lenient::list::<Author>(wire.mentions?.get())?;
    let other = mentioned.into_iter().find(|user| user.id != author.id)?;
    Some(name(other.shown()))
}

/// Who gave the command that the message answers, where Discord says so. What replaces `interaction`
/// has the user and not the name of the command.
fn command(wire: &Wire<'_>) -> Option<String> {
    let sources = [&wire.interaction, &wire.interaction_metadata];
    let mut sources = sources.into_iter().flatten();
    let user = sources.clone().find_map(|source| source.user.as_ref())?;
    let who = name(user.shown());
    let command = sources.find_map(|source| source.name.as_deref());
    Some(match command.map(|command| brief(command, NAME)) {
        Some(command) if wire.kind == 20 => format!("{who} used /{command}."),
        Some(command) => format!("{who} used {}.", title(&command)),
        None => format!("{who} used a command."),
    })
}

fn subscription(wire: &Wire<'_>, who: &str) -> String {
    let Some(paid) = &wire.role_subscription_data else {
        return format!("{who} subscribed to a role.");
    };
    let did = if paid.is_renewal { "renewed" } else { "joined" };
    let months = match paid.total_months_subscribed {
        0 => String::new(),
        1 => " (1 month so far)".into(),
        months => format!(" ({months} months so far)"),
    };
    format!("{who} {did} {}{months}.", title(&paid.tier_name))
}

/// <https://discord.com/developers/docs/resources/message#embed-fields-by-embed-type-poll-result-embed-fields>
fn poll_result(wire: &Wire<'_>) -> String {
    let number = |field| fact_text(wire, field)?.parse::<u64>().ok();
    let poll = match fact(wire, "poll_question_text") {
        Some(question) => format!("The poll {question} ended"),
        None => "A poll ended".into(),
    };
    let winner =
        fact(wire, "victor_answer_text").or_else(|| fact(wire, "victor_answer_emoji_name"));
    let (votes, all) = (number("victor_answer_votes"), number("total_votes"));
    match (winner, votes, all) {
        (Some(winner), Some(votes), Some(all)) => {
            format!("{poll}: {winner} won with {votes} of {all} votes.")
        }
        (Some(winner), ..) => format!("{poll}: {winner} won."),
        (None, _, Some(all)) => format!("{poll} without a winner; votes: {all}."),
        (None, ..) => format!("{poll}."),
    }
}

/// A fact that a notice keeps in the field of an embed, between quotation marks.
fn fact(wire: &Wire<'_>, field: &str) -> Option<String> {
    fact_text(wire, field)
        .filter(|text| !text.is_empty())
        .map(|text| title(&text))
}

fn fact_text(wire: &Wire<'_>, field: &str) -> Option<String> {
    let mut facts = wire.embeds.iter();
    facts.find_map(|embed| embed.field(field))
}

fn name(text: &str) -> String {
    brief(text, NAME)
}

/// A name that somebody gave to something, between quotation marks.
fn title(text: &str) -> String {
    format!("“{}”", brief(text, NAME))
}
