//! A poll as an agent reads it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::parts::{Emoji, is_false, shown};
use crate::discord::lenient;
use crate::timestamp::Timestamp;

/// A poll. <https://discord.com/developers/docs/resources/poll#poll-object>
#[derive(Clone, Debug, Serialize)]
pub struct Poll {
    /// What is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// What can be answered.
    pub answers: Vec<PollAnswer>,
    /// Whether one can give several answers.
    #[serde(skip_serializing_if = "is_false")]
    pub multiselect: bool,
    /// When it ends or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Timestamp>,
    /// Whether it is over and counted to the last vote.
    #[serde(skip_serializing_if = "is_false")]
    pub finished: bool,
}

/// An answer that can be given in a poll.
#[derive(Clone, Debug, Serialize)]
pub struct PollAnswer {
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The emoji beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// How many gave it, where Discord says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl Poll {
    /// The question and the answers.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let answers = self.answers.iter().filter_map(|one| one.text.as_deref());
        self.question.as_deref().into_iter().chain(answers)
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "lenient::maybe")]
    question: Option<Media>,
    #[serde(default, deserialize_with = "lenient::elements")]
    answers: Vec<Answer>,
    #[serde(default)]
    allow_multiselect: bool,
    #[serde(default, deserialize_with = "lenient::scalar")]
    expiry: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    results: Option<Results>,
}

#[derive(Deserialize)]
struct Media {
    #[serde(default, deserialize_with = "shown")]
    text: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    emoji: Option<Emoji>,
}

#[derive(Deserialize)]
struct Answer {
    answer_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    poll_media: Option<Media>,
}

#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    is_finalized: bool,
    answer_counts: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Count {
    id: u64,
    count: u64,
}

impl<'de> Deserialize<'de> for Poll {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let finished = (wire.results.as_ref()).is_some_and(|results| results.is_finalized);
        let counts = wire.results.and_then(|results| results.answer_counts);
        let counts = counts.and_then(|counts| lenient::list::<Count>(counts.get()));
        let votes = |answer: Option<u64>| {
            let (counts, sent) = counts.as_ref()?;
            let found = counts.iter().find(|count| Some(count.id) == answer);
            // An answer that is not among the counts has no votes, unless it is one we cannot read.
            let whole = counts.len() == *sent && answer.is_some();
            found.map(|found| found.count).or(whole.then_some(0))
        };
        let answers = wire.answers.into_iter().filter_map(|answer| {
            let media = answer.poll_media?;
            let emoji = media.emoji.and_then(Emoji::shown);
            let answer = PollAnswer {
                count: votes(answer.answer_id),
                text: media.text,
                emoji,
            };
            (answer.text.is_some() || answer.emoji.is_some()).then_some(answer)
        });
        let answers: Vec<_> = answers.collect();
        let question = wire.question.and_then(|question| question.text);
        if question.is_none() && answers.is_empty() {
            return Err(serde::de::Error::custom("a poll asks something"));
        }
        Ok(Self {
            question,
            answers,
            multiselect: wire.allow_multiselect,
            expiry: wire.expiry,
            finished,
        })
    }
}
