//! The stand-in behaves as Discord documents where the promises of other tests rest on it: limits
//! are enforced with the headers and bodies that clients learn from, and a nonce is sent once.

use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::discord::seed::{
    ANNOUNCEMENTS, BOT_TOKEN, GENERAL, GUILD, OTHER_BOT_TOKEN, OTHER_CHANNEL,
};
use crate::support::discord::{Fault, Limits, On, Rule, StandIn};

const LIST: &str = "GET /channels/{channel_id}/messages";
const CREATE: &str = "POST /channels/{channel_id}/messages";
const SHORT: Duration = Duration::from_millis(300);

async fn get(discord: &StandIn, token: &str, path: &str) -> Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("{}/api/v10{path}", discord.base()));
    let request = request.header("authorization", format!("Bot {token}"));
    request.send().await.unwrap()
}

async fn post(discord: &StandIn, token: &str, channel: &str, body: Value) -> Result<Value, ()> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = format!("{}/api/v10/channels/{channel}/messages", discord.base());
    let request = client.post(address);
    let request = request.header("authorization", format!("Bot {token}"));
    let request = request.header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.map_err(drop)?;
    let text = answer.text().await.map_err(drop)?;
    serde_json::from_str(&text).map_err(drop)
}

fn list(channel: &str) -> String {
    format!("/channels/{channel}/messages?limit=1")
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("(none)", |value| value.to_str().unwrap())
}

fn seconds(answer: &Response, name: &str) -> f64 {
    header(answer, name).parse().unwrap()
}

#[tokio::test]
async fn a_bucket_counts_down_refuses_and_begins_anew() {
    let discord = StandIn::start().await;
    let rule = Rule {
        routes: &[LIST],
        limit: 2,
        window: SHORT,
    };
    discord.enforce(Limits::new(&[rule]));
    let began = Instant::now();
    for remaining in ["1", "0"] {
        let answer = get(&discord, BOT_TOKEN, &list(GENERAL)).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "x-ratelimit-limit"), "2");
        assert_eq!(header(&answer, "x-ratelimit-remaining"), remaining);
        assert!((0.0..=0.3).contains(&seconds(&answer, "x-ratelimit-reset-after")));
        assert_eq!(header(&answer, "x-ratelimit-scope"), "(none)");
    }
    let answer = get(&discord, BOT_TOKEN, &list(GENERAL)).await;
    assert!(began.elapsed() < SHORT, "too slow a machine for this test");
    assert_eq!(answer.status(), 429);
    assert_eq!(header(&answer, "x-ratelimit-limit"), "2");
    assert_eq!(header(&answer, "x-ratelimit-remaining"), "0");
    assert_eq!(header(&answer, "x-ratelimit-scope"), "user");
    assert_eq!(header(&answer, "retry-after"), "1");
    let left = seconds(&answer, "x-ratelimit-reset-after");
    assert!(seconds(&answer, "x-ratelimit-reset") > 1_700_000_000.0);
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let message = "You are being rate limited.";
    let expected = json!({"message": message, "retry_after": left, "global": false});
    assert_eq!(body, expected);

    // Other channels and other bots have buckets of their own.
    let answer = get(&discord, BOT_TOKEN, &list(ANNOUNCEMENTS)).await;
    assert_eq!(answer.status(), 200);
    let answer = get(&discord, OTHER_BOT_TOKEN, &list(OTHER_CHANNEL)).await;
    assert_eq!(answer.status(), 200);
    // Whoever waits as long as was said is let through.
    tokio::time::sleep(Duration::from_secs_f64(left)).await;
    let answer = get(&discord, BOT_TOKEN, &list(GENERAL)).await;
    assert_eq!(answer.status(), 200);
    let statuses: Vec<_> = discord.statuses(BOT_TOKEN).into_iter().collect();
    assert_eq!(statuses, [(200, 4), (429, 1)]);
}

#[tokio::test]
async fn routes_of_one_rule_count_together_and_others_have_no_bucket() {
    let discord = StandIn::start().await;
    let rule = Rule {
        routes: &[LIST, CREATE],
        limit: 1,
        window: Duration::from_secs(60),
    };
    discord.enforce(Limits::new(&[rule]));
    let first = get(&discord, BOT_TOKEN, &list(GENERAL)).await;
    assert_eq!(first.status(), 200);
    let refused = post(&discord, BOT_TOKEN, GENERAL, json!({"content": "x"})).await;
    assert_eq!(refused.unwrap()["message"], "You are being rate limited.");
    let free = get(&discord, BOT_TOKEN, &format!("/channels/{GENERAL}")).await;
    assert_eq!(free.status(), 200);
    assert_eq!(header(&free, "x-ratelimit-bucket"), "(none)");
    let elsewhere = get(&discord, BOT_TOKEN, &list(ANNOUNCEMENTS)).await;
    let bucket = header(&elsewhere, "x-ratelimit-bucket");
    assert_eq!(bucket, header(&first, "x-ratelimit-bucket"));
}

#[tokio::test]
async fn a_token_has_so_many_requests_in_any_second() {
    let discord = StandIn::start().await;
    discord.enforce(Limits::new(&[]).global(3));
    for channel in [GENERAL, ANNOUNCEMENTS, GENERAL] {
        let path = format!("/channels/{channel}");
        assert_eq!(get(&discord, BOT_TOKEN, &path).await.status(), 200);
    }
    let answer = get(&discord, BOT_TOKEN, &format!("/channels/{GENERAL}")).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(header(&answer, "x-ratelimit-global"), "true");
    assert_eq!(header(&answer, "x-ratelimit-scope"), "global");
    assert_eq!(header(&answer, "retry-after"), "1");
    assert_eq!(header(&answer, "x-ratelimit-bucket"), "(none)");
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(body["global"], true);
    let wait = body["retry_after"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&wait), "{wait}");
    let path = format!("/channels/{OTHER_CHANNEL}");
    assert_eq!(get(&discord, OTHER_BOT_TOKEN, &path).await.status(), 200);
    tokio::time::sleep(Duration::from_secs_f64(wait)).await;
    let answer = get(&discord, BOT_TOKEN, &format!("/channels/{GENERAL}")).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_nonce_is_sent_once_by_author_and_channel_although_the_first_answer_was_lost() {
    let discord = StandIn::start().await;
    let body = |text: &str| json!({"content": text, "nonce": "n-1", "enforce_nonce": true});
    discord.fault(On::Route(CREATE), 1, Fault::CutAfter);
    assert_eq!(
        post(&discord, BOT_TOKEN, GENERAL, body("first")).await,
        Err(())
    );
    let again = post(&discord, BOT_TOKEN, GENERAL, body("second")).await;
    let again = again.unwrap();
    assert_eq!(
        (&again["content"], &again["nonce"]),
        (&json!("first"), &json!("n-1"))
    );

    // The channel, the author, the nonce and the wish to have it enforced all count.
    let elsewhere = post(&discord, BOT_TOKEN, ANNOUNCEMENTS, body("third")).await;
    assert_eq!(elsewhere.unwrap()["content"], "third");
    let other = discord.with(|world| world.recruit(1)).remove(0);
    let other = post(&discord, &other, GENERAL, body("fourth")).await;
    assert_eq!(other.unwrap()["content"], "fourth");
    let mut loose = body("fifth");
    loose["enforce_nonce"] = false.into();
    let loose = post(&discord, BOT_TOKEN, GENERAL, loose).await;
    assert_eq!(loose.unwrap()["content"], "fifth");
    let mut number = body("sixth");
    number["nonce"] = 1.into();
    let number = post(&discord, BOT_TOKEN, GENERAL, number).await;
    assert_eq!(number.unwrap()["content"], "sixth");
    // And the first message still is the one under the nonce.
    let again = post(&discord, BOT_TOKEN, GENERAL, body("seventh")).await;
    assert_eq!(again.unwrap()["content"], "first");
}

#[tokio::test]
async fn an_effect_takes_place_before_the_faults_that_say_so_and_not_with_the_others() {
    let discord = StandIn::start().await;
    let short = Duration::from_millis(1);
    let page = |status| Fault::Html(status);
    let after = [
        Fault::CutAfter,
        Fault::HtmlAfter(502),
        Fault::Truncated,
        Fault::BadJson,
        Fault::DelayAfter(short),
        Fault::SlowBody(short),
        Fault::Padded(10 << 20),
        Fault::MoreHeaders(vec![("x-ratelimit-limit".into(), "7".into())]),
    ];
    let limited = |scope| Fault::RateLimited {
        retry_after: 0.1,
        scope,
    };
    let never = [
        Fault::CutBefore,
        page(502),
        page(200),
        Fault::EdgeLimited(9),
        limited("user"),
        limited("shared"),
        limited("global"),
        Fault::Redirect("http://127.0.0.1:1/".into()),
        Fault::HugeBody(10 << 20),
    ];
    let cases = after.into_iter().map(|fault| (fault, 1));
    let cases = cases.chain(never.into_iter().map(|fault| (fault, 0)));
    for (at, (fault, effects)) in cases.enumerate() {
        discord.fault(On::Route(CREATE), 1, fault);
        let text = format!("fault {at}");
        post(&discord, BOT_TOKEN, GENERAL, json!({"content": text}))
            .await
            .ok();
        let found = discord.with(|world| {
            let messages = world.messages(GENERAL);
            messages
                .iter()
                .filter(|message| message.content() == text)
                .count()
        });
        assert_eq!(found, effects, "{text}");
    }
}

#[tokio::test]
async fn repeated_headers_go_out_twice_and_weather_fills_in_where_no_fault_waits() {
    let discord = StandIn::start().await;
    let path = format!("/guilds/{GUILD}/messages/search?content=x");
    let twice = vec![("x-ratelimit-remaining".to_owned(), "0".to_owned())];
    discord.fault(On::Any, 1, Fault::MoreHeaders(twice));
    discord.weather(|seen| (seen.path.ends_with("/search")).then_some(Fault::Html(503)));
    let answer = get(&discord, BOT_TOKEN, &path).await;
    let values = answer.headers().get_all("x-ratelimit-remaining").iter();
    let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
    assert_eq!((answer.status().as_u16(), values), (200, vec!["49", "0"]));
    assert_eq!(get(&discord, BOT_TOKEN, &path).await.status(), 503);
    let other = get(&discord, BOT_TOKEN, &format!("/channels/{GENERAL}")).await;
    assert_eq!(other.status(), 200);
    discord.clear_faults();
    assert_eq!(get(&discord, BOT_TOKEN, &path).await.status(), 200);
}
