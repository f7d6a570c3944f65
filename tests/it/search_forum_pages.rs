//! A scan of many posts: the order, the bounds, the number of requests, how it goes on, and what its
//! caller hears meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::discord::seed::{ALICE, FORUM};
use crate::support::discord::{Fault, On};
use crate::support::mcp::{LEGACY, MODERN, events};
use crate::support::{Answer, App, Mcp};

const LIST: On = On::Route("GET /channels/{channel_id}/messages");
const BEGIN: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);

/// The forum of a test: which posts there are, and what is said in them.
struct Forum {
    posts: Vec<String>,
    /// The ids of all messages, newest first.
    all: Vec<String>,
}

impl Forum {
    /// Fills the forum with so many posts of so many messages, a minute between two, a round of all
    /// posts before the next: so all of them are alive all the time. Every seventh message has a tide.
    fn rounds(app: &App, posts: usize, rounds: usize) -> Self {
        app.discord.with(|world| {
            world
                .channels
                .retain(|_, channel| channel.json.get("parent_id") != Some(&json!(FORUM)));
            let mut forum = Self {
                posts: Vec::new(),
                all: Vec::new(),
            };
            for number in 0..posts * rounds {
                let at = minute(number);
                let word = if number % 7 == 0 { "Tide" } else { "talk" };
                let text = format!("{word} {number}");
                let id = match forum.posts.get(number % posts) {
                    Some(post) => world.post_at(post, ALICE, &text, at),
                    None => {
                        let post = world.open(FORUM, ALICE, &text, at);
                        forum.posts.push(post.clone());
                        post
                    }
                };
                forum.all.push(id);
            }
            forum.all.reverse();
            forum
        })
    }

    /// Archives some of the posts, at the given minutes.
    fn archive(&self, app: &App, posts: std::ops::Range<usize>, at: impl Fn(usize) -> usize) {
        app.discord.with(|world| {
            for number in posts {
                world.archive(&self.posts[number], minute(at(number)));
            }
        });
    }

    /// The messages with a tide, newest first.
    fn tides(&self) -> Vec<&str> {
        let oldest_first = self.all.iter().rev().enumerate();
        let mut tides: Vec<_> = oldest_first
            .filter(|(number, _)| number % 7 == 0)
            .map(|(_, id)| &**id)
            .collect();
        tides.reverse();
        tides
    }
}

fn minute(number: usize) -> OffsetDateTime {
    BEGIN + Duration::from_secs(60 * number as u64)
}

async fn scan(app: &App, more: Value) -> Answer {
    let mut params =
        json!({"channel_id": FORUM, "query": "tide", "mode": "scan", "max_scan": 5000});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("search_messages", params).await
}

fn ids(answer: &Answer) -> Vec<&str> {
    let messages = answer.result()["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["id"].as_str().unwrap())
        .collect()
}

/// How many lists of archived posts were asked for, and how many pages of messages.
fn asked(app: &App) -> (usize, usize) {
    let requests = app.discord.requests();
    let count = |end: &str| {
        requests
            .iter()
            .filter(|seen| seen.path.ends_with(end))
            .count()
    };
    (count("/archived/public"), count("/messages"))
}

/// Warms the memory of what the forum is, so that each scan makes the same requests.
async fn warm(app: &App) {
    app.invoke("get_channel_info", json!({"channel_id": FORUM}))
        .await;
    app.discord.clear_requests();
}

#[tokio::test]
async fn searching_on_finds_every_match_exactly_once() {
    let app = App::start().await;
    // Twenty posts of fifteen messages; eight are archived, each after its last message.
    let forum = Forum::rounds(&app, 20, 15);
    forum.archive(&app, 3..11, |number| 20 * 14 + number + 1);
    for params in [
        json!({"limit": 8}),
        json!({"limit": 100, "max_scan": 70}),
        json!({"limit": 9, "max_scan": 45}),
        json!({"limit": 100}),
    ] {
        let (mut found, mut scanned, mut next) = (Vec::new(), 0, params.clone());
        loop {
            let answer = scan(&app, next).await;
            found.extend(ids(&answer).into_iter().map(str::to_owned));
            scanned += answer.result()["scanned"].as_u64().unwrap();
            if answer.result()["complete"] == true {
                break;
            }
            next = params.clone();
            next["before"] = answer.result()["next_before"].clone();
        }
        assert_eq!(found, forum.tides(), "{params}");
        assert_eq!(scanned, 300, "{params}");
    }
}

#[tokio::test]
async fn a_long_post_is_read_page_by_page_among_the_others() {
    let app = App::start().await;
    let forum = Forum::rounds(&app, 2, 250);
    warm(&app).await;
    let answer = scan(&app, json!({"limit": 100})).await;
    assert_eq!(ids(&answer), forum.tides());
    assert_eq!(answer.result()["complete"], true);
    assert_eq!(asked(&app), (1, 6));
}

#[tokio::test]
async fn posts_are_listed_and_opened_only_as_far_as_the_scan_comes() {
    let app = App::start().await;
    let forum = Forum::rounds(&app, 230, 1);
    forum.archive(&app, 0..230, |number| number + 1);
    warm(&app).await;
    let answer = scan(&app, json!({"limit": 1})).await;
    assert_eq!(ids(&answer), forum.tides()[..1]);
    let scanned = answer.result()["scanned"].as_u64().unwrap() as usize;
    assert_eq!(asked(&app), (1, scanned));

    app.discord.clear_requests();
    let after = &forum.all[20];
    let answer = scan(&app, json!({"limit": 100, "after": after})).await;
    assert_eq!(answer.result()["scanned"], 20);
    assert_eq!(answer.result()["complete"], true);
    assert_eq!(asked(&app), (1, 20), "what is older is not opened");

    app.discord.clear_requests();
    let before = &forum.all[215];
    let answer = scan(&app, json!({"limit": 100, "before": before})).await;
    assert_eq!(answer.result()["scanned"], 14);
    assert_eq!(answer.result()["complete"], true);
    assert_eq!(asked(&app), (3, 14), "what was begun later is not opened");
}

#[tokio::test]
async fn posts_archived_in_one_moment_are_not_lost_between_two_pages() {
    let app = App::start().await;
    let forum = Forum::rounds(&app, 115, 1);
    // The first page ends among twenty of one moment.
    forum.archive(&app, 0..115, |number| match number {
        5..25 => 1025,
        _ => 1000 + number,
    });
    let (mut found, mut params) = (Vec::new(), json!({"limit": 100}));
    loop {
        let answer = scan(&app, params).await;
        found.extend(ids(&answer).into_iter().map(str::to_owned));
        if answer.result()["complete"] == true {
            break;
        }
        params = json!({"limit": 100, "before": answer.result()["next_before"]});
    }
    assert_eq!(found, forum.tides());

    // More than a page of one moment: there is no way to the rest, and it is not called complete.
    forum.archive(&app, 0..115, |_| 2000);
    let last = forum.all[110].clone();
    let answer = scan(&app, json!({"limit": 100, "before": last})).await;
    assert_eq!(answer.result()["complete"], false);
}

/// Discord stamps the archiving of a post after its last message. Should it not, messages come too
/// late to stand in their place, and the scan does not pass for one that has seen everything.
#[tokio::test]
async fn a_post_listed_after_its_turn_is_not_called_seen() {
    let app = App::start().await;
    let forum = Forum::rounds(&app, 105, 1);
    forum.archive(&app, 0..105, |number| number + 1);
    let before = json!({"limit": 100, "before": forum.all[70]});
    let answer = scan(&app, before.clone()).await;
    assert_eq!(answer.result()["complete"], true);
    app.discord
        .with(|world| world.post_at(&forum.posts[0], ALICE, "too late", minute(500)));
    let answer = scan(&app, before).await;
    assert_eq!(answer.result()["scanned"], 34);
    assert_eq!(answer.result()["complete"], false);
}

#[tokio::test]
async fn a_call_makes_sixty_requests_from_its_first_message_on_and_the_next_call_goes_on() {
    let app = App::start().await;
    let forum = Forum::rounds(&app, 80, 1);
    warm(&app).await;
    let answer = scan(&app, json!({"limit": 100})).await;
    let result = answer.result();
    assert_eq!(result["scanned"], 61);
    assert_eq!(result["complete"], false);
    assert_eq!(result["next_before"], *forum.all[60]);
    assert_eq!(asked(&app), (1, 61));
    let mut found: Vec<_> = ids(&answer).into_iter().map(str::to_owned).collect();

    app.discord.clear_requests();
    let answer = scan(&app, json!({"limit": 100, "before": forum.all[60]})).await;
    assert_eq!(answer.result()["scanned"], 19);
    assert_eq!(answer.result()["complete"], true);
    assert_eq!(asked(&app), (1, 19));
    found.extend(ids(&answer).into_iter().map(str::to_owned));
    assert_eq!(found, forum.tides());
}

/// To go on from a moment in which many posts were alive, all of them have to be opened.
#[tokio::test]
async fn a_call_may_open_more_posts_to_begin_with_and_says_where_that_is_not_enough() {
    let app = App::start().await;
    let forum = Forum::rounds(&app, 100, 2);
    warm(&app).await;
    let middle = forum.all[99].clone();
    let answer = scan(&app, json!({"limit": 100, "before": middle})).await;
    assert_eq!(answer.result()["scanned"], 100);
    assert_eq!(answer.result()["complete"], true);
    assert_eq!(asked(&app), (1, 100));

    let forum = Forum::rounds(&app, 130, 2);
    app.discord.clear_requests();
    let middle = forum.all[129].clone();
    let answer = scan(&app, json!({"limit": 100, "before": middle})).await;
    let expected = json!({
        "messages": [],
        "mode": "scan",
        "scanned": 0,
        "complete": false,
        "hint": "This forum has more posts from before that time than one call opens; search a post by its own id, or use `mode` index.",
    });
    assert_eq!(*answer.result(), expected);
    assert_eq!(app.discord.requests().len(), 120);
}

#[tokio::test]
async fn max_scan_counts_the_messages_of_all_posts() {
    let app = App::start().await;
    let forum = Forum::rounds(&app, 8, 6);
    let answer = scan(&app, json!({"limit": 100, "max_scan": 30})).await;
    assert_eq!(answer.result()["scanned"], 30);
    assert_eq!(answer.result()["complete"], false);
    assert_eq!(answer.result()["next_before"], *forum.all[29]);
    let answer = scan(&app, json!({"limit": 100, "max_scan": 48})).await;
    assert_eq!(answer.result()["complete"], true, "exactly all of them");
}

#[tokio::test]
async fn a_deadline_ends_the_scan_with_what_there_is() {
    let app = App::with(&[("CALL_DEADLINE", "2s")]).await;
    let forum = Forum::rounds(&app, 9, 1);
    warm(&app).await;
    app.discord.fault(LIST, 3, Fault::Headers(Vec::new()));
    app.discord.fault(LIST, usize::MAX, Fault::Hang);
    let answer = scan(&app, json!({"limit": 100})).await;
    assert_eq!(answer.result()["scanned"], 3);
    assert_eq!(answer.result()["complete"], false);
    assert_eq!(answer.result()["next_before"], *forum.all[2]);
}

#[tokio::test]
async fn through_mcp_it_tells_how_far_it_is() {
    let app = App::start().await;
    Forum::rounds(&app, 3, 40);
    for version in [MODERN, LEGACY[3]] {
        let client = Mcp::legacy(&app, version).progress("p");
        let params = json!({"channel_id": FORUM, "query": "submarine", "mode": "scan"});
        let answer = client.call("search_messages", params).await;
        let mut events = events(&answer);
        let result = events.pop().unwrap();
        let expected = json!({"messages": [], "mode": "scan", "scanned": 120, "complete": true});
        assert_eq!(result["result"]["structuredContent"], expected);
        let steps: Vec<_> = events
            .iter()
            .map(|event| event["params"]["message"].as_str().unwrap())
            .collect();
        // The newest post is read to where the next one begins, and so on; then all is there.
        let expected =
            ["1", "2", "120"].map(|done| format!("{done} of at most 1000 messages read"));
        assert_eq!(steps, expected, "{version}");
    }
}
