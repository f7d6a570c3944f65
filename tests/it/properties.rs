//! What holds for every value and not only for those that somebody thought of.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use discord_mcp_server::config;
use discord_mcp_server::discord::{BotToken, Snowflake};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::App;
use crate::support::discord::seed::{ALICE, VOICE};

const EPOCH: OffsetDateTime = datetime!(2015-01-01 00:00 UTC);

proptest! {
    #[test]
    fn a_snowflake_is_its_digits(number in 1..=u64::MAX) {
        let text = number.to_string();
        let id = Snowflake::parse(&text).unwrap();
        prop_assert_eq!(id.get(), number);
        prop_assert_eq!(id.to_string(), &*text);
        prop_assert_eq!(serde_json::to_value(id).unwrap(), json!(text));
        prop_assert_eq!(serde_json::from_value::<Snowflake>(json!(text)).unwrap(), id);
        prop_assert!(serde_json::from_value::<Snowflake>(json!(number)).is_err());
    }

    #[test]
    fn no_other_text_is_a_snowflake(text in "[0-9٣+\\- \n.e_x]{0,22}|\\PC{0,12}") {
        let canonical = text.parse::<u64>().is_ok_and(|n| n > 0 && n.to_string() == text);
        prop_assert_eq!(Snowflake::parse(&text).is_some(), canonical);
    }

    #[test]
    fn a_snowflake_keeps_its_moment_to_the_millisecond(number in 1..=u64::MAX) {
        let id = Snowflake::parse(&number.to_string()).unwrap();
        let since = time::Duration::milliseconds((number >> 22) as i64);
        prop_assert_eq!(id.created_at(), EPOCH + since);
    }

    #[test]
    fn the_first_id_of_a_moment_is_the_lowest_of_that_millisecond(
        milliseconds in 1_i64..1 << 42, nanoseconds in 0_i64..1_000_000, low in 0_u64..1 << 22,
    ) {
        let moment = EPOCH + time::Duration::milliseconds(milliseconds);
        let first = Snowflake::at(moment + time::Duration::nanoseconds(nanoseconds)).unwrap();
        prop_assert_eq!(first.get(), (milliseconds as u64) << 22);
        prop_assert_eq!(first.created_at(), moment);
        let any = Snowflake::parse(&(first.get() + low).to_string()).unwrap();
        prop_assert!(first <= any);
        prop_assert!(first.before() < first && first < first.after());
        prop_assert!(first.before().created_at() < moment);
    }

    #[test]
    fn before_2015_there_is_no_snowflake(nanoseconds in 0..i64::MAX) {
        prop_assert_eq!(Snowflake::at(EPOCH - time::Duration::nanoseconds(nanoseconds)), None);
    }

    #[test]
    fn a_duration_is_its_number_times_its_unit(number in 1_u64..400_000_000, unit in 0..5_usize) {
        let (unit, milliseconds) =
            [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)][unit];
        let ten_years = 315_576_000_000;
        let expected = Some(number * milliseconds).filter(|&total| total <= ten_years);
        prop_assert_eq!(
            config::duration(&format!("{number}{unit}")),
            expected.map(Duration::from_millis)
        );
    }

    #[test]
    fn no_other_text_is_a_duration(text in "[0-9]{0,25}[a-zA-Z +.-]{0,3}|\\PC{0,12}") {
        if let Some(duration) = config::duration(&text) {
            prop_assert!(duration >= Duration::from_millis(1));
            prop_assert!(text.starts_with(|first: char| first.is_ascii_digit()));
            let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
            prop_assert!(["ms", "s", "m", "h", "d"].contains(&unit), "{}", text);
        }
    }

    #[test]
    fn nothing_but_a_bot_token_is_taken_for_one(text in "\\PC{0,80}|(Bot |Bearer )?[A-Za-z0-9_-]{0,30}(\\.[A-Za-z0-9_-]{0,90}){0,3}") {
        if let Some(token) = BotToken::parse(&text) {
            prop_assert_eq!(text.split('.').count(), 3);
            let (id, _) = text.split_once('.').unwrap();
            let id = STANDARD_NO_PAD.decode(id.trim_end_matches('=')).unwrap();
            prop_assert_eq!(token.user_id().to_string().into_bytes(), id);
            prop_assert!(!text.contains(char::is_whitespace));
        }
    }
}

#[test]
fn the_ends_of_the_range_are_exact() {
    assert_eq!(Snowflake::parse("0"), None);
    assert_eq!(Snowflake::parse("01"), None);
    assert_eq!(Snowflake::parse("18446744073709551616"), None);
    let last = Snowflake::parse("18446744073709551615").unwrap();
    assert_eq!(last.after(), last);
    assert_eq!(last.created_at(), datetime!(2154-05-15 07:35:11.103 UTC));
    let first = Snowflake::parse("1").unwrap();
    assert_eq!(first.before(), first);
    assert_eq!(first.created_at(), EPOCH);
    assert_eq!(Snowflake::at(EPOCH), None);
    assert_eq!(Snowflake::at(datetime!(2154-05-15 07:35:11.104 UTC)), None);
    for none in [
        "",
        "0s",
        "5",
        "s",
        "-1s",
        "1.5s",
        "1 s",
        " 1s",
        "1S",
        "3653d",
        "18446744073709551616ms",
    ] {
        assert_eq!(config::duration(none), None, "{none:?}");
    }
    let ten_years = Duration::from_secs(315_576_000);
    assert_eq!(config::duration("315576000s"), Some(ten_years));
    assert_eq!(config::duration("315576001s"), None);
}

/// Runs a property against one server. Each case is a world of its own within it.
fn against_a_server<S, F>(cases: u32, values: S, property: F)
where
    S: Strategy,
    F: AsyncFn(&App, S::Value),
{
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = runtime.block_on(App::start());
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&values, |value| {
            runtime.block_on(property(&app, value));
            Ok(())
        })
        .unwrap();
    let _inside = runtime.enter();
    drop(app);
}

/// Replaces what is in the channel by that many messages, every third with a tide, newest first.
fn fill(app: &App, count: usize) -> Vec<String> {
    app.discord.with(|world| {
        world.channel_mut(VOICE).messages.clear();
        let mut ids: Vec<_> = (0..count)
            .map(|n| world.post(VOICE, ALICE, if n % 3 == 0 { "tide" } else { "talk" }))
            .collect();
        ids.reverse();
        ids
    })
}

/// Calls the tool again and again with `before`, and collects the ids.
async fn read_on(
    app: &App,
    tool: &str,
    params: &Value,
    more: impl Fn(&Value) -> bool,
) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), params.clone());
    loop {
        let answer = app.invoke(tool, next.clone()).await;
        let result = answer.result();
        let page = result["messages"].as_array().unwrap().iter();
        found.extend(page.map(|message| message["id"].as_str().unwrap().to_owned()));
        if !more(result) {
            return found;
        }
        assert_ne!(next["before"], result["next_before"], "no progress");
        next["before"] = result["next_before"].clone();
    }
}

#[test]
fn reading_on_sees_every_message_exactly_once_however_it_is_paged() {
    against_a_server(
        16,
        (0..240_usize, 1..=100_u64),
        async |app, (there, limit)| {
            let limit = limit.max(there as u64 / 10);
            let ids = fill(app, there);
            let params = json!({"channel_id": VOICE, "limit": limit});
            let seen = read_on(app, "get_messages", &params, |page| {
                page["has_more"] == true
            })
            .await;
            assert_eq!(seen, ids);
        },
    );
}

#[test]
fn searching_on_finds_every_match_exactly_once_however_it_is_paged() {
    let values = (0..160_usize, 5..=100_u64, 20..=200_u64, any::<bool>());
    against_a_server(16, values, async |app, (there, limit, max_scan, index)| {
        let ids = fill(app, there);
        let tides: Vec<_> = (ids.iter().rev().step_by(3).rev().cloned()).collect();
        let mode = if index { "index" } else { "scan" };
        let params = json!({
            "channel_id": VOICE, "query": "tide", "mode": mode, "limit": limit, "max_scan": max_scan,
        });
        let found = read_on(app, "search_messages", &params, |page| {
            page["complete"] == false
        })
        .await;
        assert_eq!(found, tides, "{mode}");
    });
}

#[test]
fn any_text_reaches_discord_as_it_was_written() {
    let values = "\\PC{0,40}[^\\p{Cc}\\s][\\PC\n\t\"\\\\&#%+=]{0,40}";
    against_a_server(64, values, async |app, text: String| {
        app.discord.clear_requests();
        let params = json!({"channel_id": VOICE, "message": text});
        app.invoke("send_message", params).await.result();
        let params = json!({"channel_id": VOICE, "query": text, "mode": "index"});
        app.invoke("search_messages", params).await.result();
        let requests = app.discord.requests();
        let sent = requests.iter().find(|seen| seen.method == "POST").unwrap();
        assert_eq!(sent.json()["content"], text);
        let searched = requests.last().unwrap();
        assert_eq!(searched.query[0], ("content".to_owned(), text));
        assert_eq!(searched.query.len(), 6);
    });
}
