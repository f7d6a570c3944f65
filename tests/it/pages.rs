//! The pages of `get_messages`: where they begin and end, and how they follow one another.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::support::discord::seed::{ALICE, VOICE};
use crate::support::{Answer, App};

async fn get(app: &App, channel: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("get_messages", params).await
}

/// The contents of a page, in its order.
fn contents(answer: &Answer) -> Vec<&str> {
    let messages = answer.result()["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect()
}

/// Replaces what is in a channel by messages `0` to `count - 1`, oldest first.
fn fill(app: &App, channel: &str, count: usize) -> Vec<String> {
    app.discord.with(|world| {
        world.channel_mut(channel).messages.clear();
        (0..count)
            .map(|number| world.post(channel, ALICE, &number.to_string()))
            .collect()
    })
}

#[tokio::test]
async fn before_a_time_excludes_it_and_after_includes_it() {
    let app = App::start().await;
    app.discord.with(|world| {
        let noon = datetime!(2026-10-01 12:00 UTC);
        let moment = time::Duration::milliseconds(1);
        for (content, at) in [
            ("just before", noon - moment),
            ("at noon", noon),
            ("just after", noon + moment),
        ] {
            world.post_at(VOICE, ALICE, content, at);
        }
    });
    let noon = "2026-10-01T12:00:00Z";
    let answer = get(&app, VOICE, json!({"before": noon})).await;
    assert_eq!(contents(&answer), ["just before"]);
    let answer = get(&app, VOICE, json!({"after": noon})).await;
    assert_eq!(contents(&answer), ["just after", "at noon"]);
    let answer = get(&app, VOICE, json!({"around": noon, "limit": 3})).await;
    assert_eq!(contents(&answer), ["just after", "at noon", "just before"]);
}

#[tokio::test]
async fn before_and_after_a_message_exclude_it_and_around_includes_it() {
    let app = App::start().await;
    let ids = fill(&app, VOICE, 5);
    let answer = get(&app, VOICE, json!({"before": ids[2]})).await;
    assert_eq!(contents(&answer), ["1", "0"]);
    let answer = get(&app, VOICE, json!({"after": ids[2]})).await;
    assert_eq!(contents(&answer), ["4", "3"]);
    let answer = get(&app, VOICE, json!({"around": ids[2], "limit": 3})).await;
    assert_eq!(contents(&answer), ["3", "2", "1"]);
    let (more, next) = (
        &answer.result()["has_more"],
        &answer.result()["next_before"],
    );
    assert_eq!((more, next), (&json!(true), &json!(ids[1])));
}

#[tokio::test]
async fn after_returns_the_oldest_of_the_newer_ones() {
    let app = App::start().await;
    let ids = fill(&app, VOICE, 8);
    let answer = get(&app, VOICE, json!({"after": ids[1], "limit": 3})).await;
    assert_eq!(contents(&answer), ["4", "3", "2"]);
    assert_eq!(answer.result()["has_more"], true);
    assert_eq!(answer.result()["next_after"], json!(ids[4]));
    assert_eq!(answer.result()["next_before"], json!(null));
}

#[tokio::test]
async fn has_more_is_told_exactly() {
    let app = App::start().await;
    for (there, limit, has_more) in [(0, 3, false), (2, 3, false), (3, 3, false), (4, 3, true)] {
        let ids = fill(&app, VOICE, there);
        let answer = get(&app, VOICE, json!({"limit": limit})).await;
        let expected = if has_more { json!(ids[1]) } else { json!(null) };
        assert_eq!(answer.result()["has_more"], has_more, "{there}");
        assert_eq!(answer.result()["next_before"], expected, "{there}");

        let answer = get(&app, VOICE, json!({"limit": limit, "after": "1"})).await;
        let expected = if has_more { json!(ids[2]) } else { json!(null) };
        assert_eq!(answer.result()["has_more"], has_more, "{there}");
        assert_eq!(answer.result()["next_after"], expected, "{there}");
    }
}

#[tokio::test]
async fn reading_on_sees_every_message_exactly_once_in_both_directions() {
    let app = App::start().await;
    for (there, limit) in [(26, 7), (230, 100), (200, 100), (12, 1)] {
        fill(&app, VOICE, there);
        let newest_first: Vec<_> = (0..there).rev().map(|n| n.to_string()).collect();

        let (mut seen, mut params) = (Vec::new(), json!({"limit": limit}));
        loop {
            let answer = get(&app, VOICE, params).await;
            seen.extend(contents(&answer).into_iter().map(str::to_owned));
            if answer.result()["has_more"] == false {
                break;
            }
            params = json!({"limit": limit, "before": answer.result()["next_before"]});
        }
        assert_eq!(seen, newest_first, "backwards by {limit}");

        let (mut seen, mut params) = (Vec::new(), json!({"limit": limit, "after": "1"}));
        loop {
            let answer = get(&app, VOICE, params).await;
            let page = contents(&answer).into_iter().map(str::to_owned);
            seen.splice(0..0, page);
            if answer.result()["has_more"] == false {
                break;
            }
            params = json!({"limit": limit, "after": answer.result()["next_after"]});
        }
        assert_eq!(seen, newest_first, "forwards by {limit}");
    }
}
