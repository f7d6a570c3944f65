//! `search_messages` by reading history: what matches, how far it reads, how it goes on.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ALICE, ATTACHMENT_MESSAGE, BOB, BOT_USER, CARLA, EMBED_MESSAGE, GENERAL, LINK_MESSAGE, VOICE,
};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App};

const LIST: On = On::Route("GET /channels/{channel_id}/messages");

async fn scan(app: &App, channel: &str, query: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel, "query": query, "mode": "scan"});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("search_messages", params).await
}

/// The queries of all pages that were read, without the `before` that differs each time.
fn limits(app: &App) -> Vec<String> {
    let requests = app.discord.requests();
    requests
        .iter()
        .map(|seen| {
            assert_eq!(seen.query[0].0, "limit");
            seen.query[0].1.clone()
        })
        .collect()
}

fn ids(answer: &Answer) -> Vec<&str> {
    let messages = answer.result()["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["id"].as_str().unwrap())
        .collect()
}

/// Posts that many messages, every tenth of which has a tide; the ids of all, newest first.
fn fill(app: &App, count: usize) -> Vec<String> {
    app.discord.with(|world| {
        world.channel_mut(VOICE).messages.clear();
        let mut ids: Vec<_> = (0..count)
            .map(|number| {
                let word = if number % 10 == 0 { "Tide" } else { "talk" };
                world.post(VOICE, ALICE, &format!("{word} {number}"))
            })
            .collect();
        ids.reverse();
        ids
    })
}

/// Those of them that have a tide.
fn tides(all: &[String]) -> Vec<&str> {
    let oldest_first = all.iter().rev().enumerate();
    let mut tides: Vec<_> = oldest_first
        .filter(|(number, _)| number % 10 == 0)
        .map(|(_, id)| &**id)
        .collect();
    tides.reverse();
    tides
}

#[tokio::test]
async fn a_scan_is_this_request_and_this_result() {
    let app = App::start().await;
    let answer = scan(&app, GENERAL, "TOLERANCE", json!({"limit": 1})).await;
    let expected = json!({
        "messages": [{
            "id": "1568168320031653914",
            "channel_id": GENERAL,
            "author": {"id": BOB, "username": "bob_solders", "display_name": "Bob"},
            "content": "Within tolerance, then. See you all tonight!",
            "timestamp": "2026-11-06T07:41:02Z",
        }],
        "mode": "scan",
        "scanned": 1,
        "complete": false,
        "next_before": "1568168320031653914",
    });
    assert_eq!(*answer.result(), expected);
    let requests = app.discord.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].path,
        "/api/v10/channels/1234567890123456789/messages"
    );
    assert_eq!(requests[0].query, [("limit".into(), "100".into())]);
}

#[tokio::test]
async fn any_part_of_a_text_matches_in_any_case_and_script() {
    let app = App::start().await;
    let texts = [
        "Viele Grüße aus ÖRTZE",
        "Привет, МИР",
        "Καλημέρα Ἑλλάς",
        "世界の港",
        "100% \"sure\" & a #tag",
        "plain tide.table text",
    ];
    let ids_by_text = app
        .discord
        .with(|world| texts.map(|text| world.post(VOICE, ALICE, text)));
    let table = [
        ("GRÜSS", None),
        ("grÜß", Some(0)),
        ("örtze", Some(0)),
        ("мир", Some(1)),
        ("ПРИВЕТ, м", Some(1)),
        ("ΚΑΛΗΜΈΡΑ", Some(2)),
        ("世界", Some(3)),
        ("% \"SURE\" & A #", Some(4)),
        ("IDE.TAB", Some(5)),
        ("tide table", None),
    ];
    for (query, found) in table {
        let answer = scan(&app, VOICE, query, json!({})).await;
        let expected: Vec<_> = found.iter().map(|&at: &usize| &*ids_by_text[at]).collect();
        assert_eq!(ids(&answer), expected, "{query}");
        assert_eq!(answer.result()["scanned"], 6);
        assert_eq!(answer.result()["complete"], true);
    }
}

/// A sigma has one capital and two small letters; which one depends on where the word ends.
#[tokio::test]
async fn a_capital_sigma_matches_inside_of_a_word() {
    let app = App::start().await;
    let id = app
        .discord
        .with(|world| world.post(VOICE, ALICE, "ΟΔΟΣΤΡΩΜΑ"));
    let answer = scan(&app, VOICE, "ΟΔΟΣ", json!({})).await;
    assert_eq!(ids(&answer), [id]);
}

#[tokio::test]
async fn the_filters_find_what_they_name() {
    let app = App::start().await;
    app.discord.with(|world| {
        let id = world.post(GENERAL, BOB, "the buoy in motion");
        let film = json!({
            "id": "1566875412766785009", "filename": "buoy.mp4", "size": 9, "content_type": "video/mp4",
            "url": "https://cdn.discordapp.com/attachments/1/2/buoy.mp4",
            "proxy_url": "https://media.discordapp.net/attachments/1/2/buoy.mp4",
        });
        world.message_mut(GENERAL, &id).set(json!({"attachments": [film]}));
    });
    let film = app.discord.with(|world| {
        world
            .channel(GENERAL)
            .unwrap()
            .messages
            .keys()
            .max()
            .unwrap()
            .to_string()
    });
    let table = [
        (
            "hello",
            json!({"author_id": CARLA}),
            vec!["1566729285182554116"],
        ),
        (
            "sensor",
            json!({"before": "2026-11-02T12:00:00Z"}),
            vec!["1566729285182554116", "1566727741225697282"],
        ),
        (
            "sensor",
            json!({"after": "1568000971148230679"}),
            vec!["1568166375099334681"],
        ),
        ("sensor", json!({"has": "embed"}), vec![EMBED_MESSAGE]),
        (
            "buoy",
            json!({"has": "file"}),
            vec![&*film, ATTACHMENT_MESSAGE],
        ),
        ("buoy", json!({"has": "image"}), vec![ATTACHMENT_MESSAGE]),
        ("buoy", json!({"has": "video"}), vec![&*film]),
        ("tide", json!({"has": "link"}), vec![LINK_MESSAGE]),
    ];
    for (query, more, expected) in table {
        let answer = scan(&app, GENERAL, query, more.clone()).await;
        assert_eq!(ids(&answer), expected, "{query} {more}");
        assert_eq!(answer.result()["complete"], true);
    }
}

#[tokio::test]
async fn a_scan_reads_no_further_than_it_is_told() {
    let app = App::start().await;
    let all = fill(&app, 250);
    for (max_scan, pages, scanned, complete) in [
        (1, &["1"][..], 1, false),
        (100, &["100"], 100, false),
        (150, &["100", "50"], 150, false),
        (250, &["100", "100", "50"], 250, false),
        (260, &["100", "100", "60"], 250, true),
        (5000, &["100", "100", "100"], 250, true),
    ] {
        app.discord.clear_requests();
        let params = json!({"max_scan": max_scan, "limit": 100});
        let answer = scan(&app, VOICE, "tide", params).await;
        assert_eq!(limits(&app), pages, "{max_scan}");
        let result = answer.result();
        assert_eq!(result["scanned"], scanned);
        assert_eq!(result["complete"], complete, "{max_scan}");
        let next = if complete {
            json!(null)
        } else {
            json!(all[scanned - 1])
        };
        assert_eq!(result["next_before"], next);
        let expected: Vec<_> = tides(&all)
            .into_iter()
            .filter(|id| all[..scanned].iter().any(|seen| seen == id))
            .collect();
        assert_eq!(ids(&answer), expected);
    }
}

#[tokio::test]
async fn it_stops_at_the_limit_and_at_the_bound() {
    let app = App::start().await;
    let all = fill(&app, 250);
    let tides = tides(&all);
    let answer = scan(&app, VOICE, "tide", json!({"limit": 2})).await;
    assert_eq!(ids(&answer), tides[..2]);
    assert_eq!(answer.result()["complete"], false);
    assert_eq!(answer.result()["next_before"], tides[1]);
    assert_eq!(limits(&app), ["100"]);

    app.discord.clear_requests();
    let answer = scan(&app, VOICE, "tide", json!({"after": all[120]})).await;
    assert_eq!(ids(&answer), tides[..10]);
    let answer = scan(
        &app,
        VOICE,
        "tide",
        json!({"after": all[120], "limit": 100}),
    )
    .await;
    assert_eq!(ids(&answer), tides[..12]);
    assert_eq!(answer.result()["scanned"], 120);
    assert_eq!(
        answer.result()["complete"],
        true,
        "nothing older was asked for"
    );
}

#[tokio::test]
async fn searching_on_finds_every_match_exactly_once() {
    let app = App::start().await;
    let all = fill(&app, 230);
    for params in [
        json!({"limit": 1}),
        json!({"limit": 7}),
        json!({"limit": 100, "max_scan": 30}),
        json!({"limit": 3, "max_scan": 45}),
        json!({"limit": 23}),
    ] {
        let (mut found, mut scanned, mut next) = (Vec::new(), 0, params.clone());
        loop {
            let answer = scan(&app, VOICE, "tide", next).await;
            found.extend(ids(&answer).into_iter().map(str::to_owned));
            scanned += answer.result()["scanned"].as_u64().unwrap();
            if answer.result()["complete"] == true {
                break;
            }
            next = params.clone();
            next["before"] = answer.result()["next_before"].clone();
        }
        assert_eq!(found, tides(&all), "{params}");
        assert_eq!(scanned, 230, "{params}");
    }
}

#[tokio::test]
async fn a_deadline_ends_the_scan_with_what_there_is() {
    let app = App::with(&[("CALL_DEADLINE", "2s")]).await;
    let all = fill(&app, 250);
    app.discord.fault(LIST, 1, Fault::Headers(Vec::new()));
    app.discord.fault(LIST, usize::MAX, Fault::Hang);
    let answer = scan(&app, VOICE, "tide", json!({"limit": 100})).await;
    let result = answer.result();
    assert_eq!(ids(&answer), tides(&all)[..10]);
    assert_eq!(result["scanned"], 100);
    assert_eq!(result["complete"], false);
    assert_eq!(result["next_before"], *all[99]);
    assert_eq!(app.audit().last().unwrap()["status"], "ok");
}

#[tokio::test]
async fn a_deadline_before_the_first_page_is_a_timeout() {
    let app = App::with(&[("CALL_DEADLINE", "300ms")]).await;
    let slow = Fault::Delay(Duration::from_secs(20));
    app.discord.fault(LIST, usize::MAX, slow);
    let answer = scan(&app, VOICE, "tide", json!({})).await;
    assert_eq!(answer.status, 504);
    assert_eq!(
        answer.body["error"],
        json!({"code": "discord_timeout", "message": "Discord did not answer in time"})
    );
}

#[tokio::test]
async fn the_bots_own_messages_are_read_without_the_intent() {
    let app = App::start().await;
    app.discord.with(|world| {
        world.message_content_intent = false;
        world.post(VOICE, ALICE, "my tide table");
        world.post(VOICE, BOT_USER, "tide table of the bot");
    });
    let answer = scan(&app, VOICE, "tide", json!({})).await;
    assert_eq!(answer.result()["messages"][0]["author"]["id"], BOT_USER);
    assert_eq!(answer.result()["scanned"], 2);
    let hint = answer.result()["hint"].as_str().unwrap();
    assert!(hint.starts_with("Every message is empty: "), "{hint}");
}
