//! `search_messages` by Discord's index: the literal request, the pages, the filters.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::discord::seed::{
    ALICE, ATTACHMENT_MESSAGE, BOB, CARLA, EMBED_MESSAGE, GENERAL, LINK_MESSAGE, MENTION_MESSAGE,
    VOICE,
};
use crate::support::discord::{Fault, On};
use crate::support::{Answer, App};

const SEARCH: On = On::Route("GET /guilds/{guild_id}/messages/search");

async fn search(app: &App, channel: &str, query: &str, more: Value) -> Answer {
    let mut params = json!({"channel_id": channel, "query": query, "mode": "index"});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("search_messages", params).await
}

/// The query strings of all searches.
fn queries(app: &App) -> Vec<String> {
    let requests = app.discord.requests();
    let searches = requests
        .iter()
        .filter(|seen| seen.path.ends_with("/search"));
    searches.map(|seen| seen.raw_query.clone()).collect()
}

fn ids(answer: &Answer) -> Vec<&str> {
    let messages = answer.result()["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["id"].as_str().unwrap())
        .collect()
}

/// Posts that many messages that match `tide`, among as many that do not; newest first.
fn tides(app: &App, count: usize) -> Vec<String> {
    app.discord.with(|world| {
        let mut ids: Vec<_> = (0..count)
            .map(|number| {
                world.post(VOICE, ALICE, "untidy talk");
                world.post(VOICE, ALICE, &format!("Tide {number}"))
            })
            .collect();
        ids.reverse();
        ids
    })
}

#[tokio::test]
async fn a_search_is_this_request_and_this_result() {
    let app = App::start().await;
    let answer = search(&app, GENERAL, "spare antenna", json!({})).await;
    let expected = json!({
        "messages": [{
            "id": MENTION_MESSAGE,
            "channel_id": GENERAL,
            "author": {"id": CARLA, "username": "carla"},
            "content": "<@1110000000000000002> could you bring the spare antenna on Thursday?",
            "timestamp": "2026-11-04T07:01:09Z",
        }],
        "mode": "index",
        "complete": true,
        "total_results": 1,
    });
    assert_eq!(*answer.result(), expected);
    let requests = app.discord.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        (
            &*requests[1].method,
            &*requests[1].path,
            &*requests[1].raw_query
        ),
        (
            "GET",
            "/api/v10/guilds/1234567890123456000/messages/search",
            "content=spare%20antenna&channel_id=1234567890123456789&sort_by=timestamp&sort_order=desc&include_nsfw=true&limit=10"
        )
    );
}

#[tokio::test]
async fn each_parameter_reaches_discord_as_its_own() {
    let app = App::start().await;
    let table = [
        (json!({"limit": 1}), "limit=1"),
        (json!({"limit": 25}), "limit=25"),
        (
            json!({"author_id": BOB}),
            "limit=10&author_id=1110000000000000002",
        ),
        (
            json!({"before": EMBED_MESSAGE}),
            "limit=10&max_id=1567255637270855694",
        ),
        (
            json!({"after": EMBED_MESSAGE}),
            "limit=10&min_id=1567255637270855694",
        ),
        (
            json!({"before": "2026-11-03T00:00:00Z"}),
            "limit=10&max_id=1566965130854400000",
        ),
        (
            json!({"after": "2026-11-03T00:00:00Z"}),
            "limit=10&min_id=1566965130854399999",
        ),
        (
            json!({"before": "7", "after": "5"}),
            "limit=10&max_id=7&min_id=5",
        ),
        (json!({"has": "link"}), "limit=10&has=link"),
        (json!({"has": "embed"}), "limit=10&has=embed"),
        (json!({"has": "file"}), "limit=10&has=file"),
        (json!({"has": "image"}), "limit=10&has=image"),
        (json!({"has": "video"}), "limit=10&has=video"),
        (json!({"max_scan": 5}), "limit=10"),
    ];
    for (params, end) in table {
        app.discord.clear_requests();
        search(&app, GENERAL, "sensor", params).await;
        let fixed = "content=sensor&channel_id=1234567890123456789&sort_by=timestamp&sort_order=desc&include_nsfw=true";
        assert_eq!(queries(&app), [format!("{fixed}&{end}")]);
    }
}

#[tokio::test]
async fn no_query_can_become_another_parameter() {
    let app = App::start().await;
    for query in [
        "a&channel_id=1",
        "tide#now",
        "100% = all?",
        "\"exact words\" 'n more",
        "Größe 世界 🌊",
        "a+b / c\\d",
        "line\nbreak",
        "%26has%3Dlink",
    ] {
        app.discord.clear_requests();
        let answer = search(&app, GENERAL, query, json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let seen = app.discord.requests().pop().unwrap();
        let names: Vec<_> = seen.query.iter().map(|(name, _)| &**name).collect();
        assert_eq!(
            names,
            [
                "content",
                "channel_id",
                "sort_by",
                "sort_order",
                "include_nsfw",
                "limit"
            ]
        );
        assert_eq!(seen.query[0].1, query);
    }
    let seen = app.discord.requests().pop().unwrap();
    assert!(
        seen.raw_query.starts_with("content=%2526has%253Dlink&"),
        "{}",
        seen.raw_query
    );
}

#[tokio::test]
async fn the_filters_find_what_they_name() {
    let app = App::start().await;
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
        ("wiring", json!({"has": "file"}), vec![ATTACHMENT_MESSAGE]),
        ("wiring", json!({"has": "image"}), vec![ATTACHMENT_MESSAGE]),
        ("wiring", json!({"has": "video"}), vec![]),
        ("tide", json!({"has": "link"}), vec![LINK_MESSAGE]),
        ("sens", json!({}), vec![]),
    ];
    for (query, more, expected) in table {
        let answer = search(&app, GENERAL, query, more.clone()).await;
        assert_eq!(ids(&answer), expected, "{query} {more}");
        assert_eq!(answer.result()["total_results"], expected.len());
        assert_eq!(answer.result()["complete"], true);
    }
}

#[tokio::test]
async fn more_than_a_page_of_25_takes_several_requests() {
    let app = App::start().await;
    let tides = tides(&app, 110);
    for (limit, offsets) in [
        (25, &[""][..]),
        (26, &["", "&offset=25"]),
        (60, &["", "&offset=25", "&offset=50"]),
        (100, &["", "&offset=25", "&offset=50", "&offset=75"]),
    ] {
        app.discord.clear_requests();
        let answer = search(&app, VOICE, "tide", json!({"limit": limit})).await;
        assert_eq!(ids(&answer), tides[..limit]);
        let result = answer.result();
        assert_eq!(result["complete"], false);
        assert_eq!(result["total_results"], 110);
        assert_eq!(result["next_before"], *tides[limit - 1]);
        let ends: Vec<_> = queries(&app)
            .iter()
            .map(|query| query.split_once("&limit=25").unwrap().1.to_owned())
            .collect();
        assert_eq!(ends, offsets);
    }
}

#[tokio::test]
async fn complete_is_told_exactly() {
    let app = App::start().await;
    let tides = tides(&app, 30);
    for (limit, complete) in [(29, false), (30, true), (31, true), (100, true)] {
        let answer = search(&app, VOICE, "tide", json!({"limit": limit})).await;
        assert_eq!(answer.result()["complete"], complete, "{limit}");
        assert_eq!(ids(&answer), tides[..limit.min(30)]);
        let next = answer.result()["next_before"].is_string();
        assert_eq!(next, !complete, "{limit}");
    }
}

#[tokio::test]
async fn searching_on_finds_every_match_exactly_once() {
    let app = App::start().await;
    let tides = tides(&app, 70);
    for limit in [7, 10, 30, 69] {
        let (mut found, mut params) = (Vec::new(), json!({"limit": limit}));
        loop {
            let answer = search(&app, VOICE, "tide", params).await;
            found.extend(ids(&answer).into_iter().map(str::to_owned));
            if answer.result()["complete"] == true {
                break;
            }
            params = json!({"limit": limit, "before": answer.result()["next_before"]});
        }
        assert_eq!(found, tides, "by {limit}");
    }
}

#[tokio::test]
async fn a_page_with_fewer_results_than_asked_for_is_not_the_last() {
    let app = App::start().await;
    let tides = tides(&app, 60);
    let lose_three = Fault::Rewrite(Arc::new(|body| {
        let hits = body["messages"].as_array_mut().unwrap();
        hits.drain(4..7);
    }));
    app.discord.fault(SEARCH, 1, lose_three);
    let answer = search(&app, VOICE, "tide", json!({"limit": 25})).await;
    let mut expected = tides.clone();
    expected.drain(4..7);
    assert_eq!(ids(&answer), expected[..25]);
    assert_eq!(answer.result()["complete"], false);
    assert_eq!(answer.result()["next_before"], *expected[24]);
}

#[tokio::test]
async fn what_the_index_returns_besides_is_left_out() {
    let app = App::start().await;
    let tides = tides(&app, 3);
    let stray = Fault::Rewrite(Arc::new(|body| {
        let hits = body["messages"].as_array_mut().unwrap();
        let (mut elsewhere, twice) = (hits[0].clone(), hits[1].clone());
        elsewhere[0]["channel_id"] = json!(GENERAL);
        elsewhere[0]["id"] = json!("1");
        hits.insert(0, elsewhere);
        hits.push(twice);
    }));
    app.discord.fault(SEARCH, 1, stray);
    let answer = search(&app, VOICE, "tide", json!({})).await;
    assert_eq!(ids(&answer), tides);
}

#[tokio::test]
async fn an_index_that_promises_and_shows_nothing_is_not_asked_for_ever() {
    let app = App::start().await;
    let empty = Fault::Rewrite(Arc::new(|body| {
        *body = json!({"messages": [], "total_results": 1_000_000});
    }));
    app.discord.fault(SEARCH, usize::MAX, empty);
    let answer = search(&app, VOICE, "tide", json!({"limit": 100})).await;
    assert_eq!(answer.result()["messages"], json!([]));
    assert_eq!(answer.result()["complete"], false);
    let queries = queries(&app);
    assert!(queries.last().unwrap().ends_with("&limit=25&offset=475"));
    assert_eq!(
        queries.len(),
        20,
        "an index that shows nothing is not asked for ever"
    );
}
