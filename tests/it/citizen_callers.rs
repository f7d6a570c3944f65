//! Our own limits: so many calls for each caller (`sub`), whatever Discord allows, at both doors,
//! with headers that say where the caller stands and a record of what was refused.

use serde_json::json;

use crate::support::operations::{read, send};
use crate::support::{Answer, App, Mcp, assert_failure, tokens};

const MESSAGE: &str =
    "You have made as many calls as this server lets one caller make; nothing was done";
const HINT: &str = "Wait `retry_after` seconds before the next call.";

/// Ten calls at once, then one every ten seconds.
async fn narrow() -> App {
    App::with(&[("RATE_LIMIT_PER_MINUTE", "6"), ("RATE_LIMIT_BURST", "10")]).await
}

fn caller(sub: &str) -> String {
    tokens::token_with(json!({"sub": sub}))
}

/// `RateLimit-Limit`, `-Remaining` and `-Reset`.
fn standing(answer: &Answer) -> Option<(u64, u64, u64)> {
    let number = |name| answer.header(name).map(|value| value.parse().unwrap());
    let names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
    let [limit, remaining, reset] = names.map(number);
    Some((limit?, remaining?, reset?))
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    let wait = answer.body["error"]["retry_after"].as_f64().unwrap();
    assert!((5.0..=10.0).contains(&wait), "{}", answer.text);
    let error = json!({
        "code": "rate_limited",
        "message": MESSAGE,
        "hint": HINT,
        "retry_after": wait,
    });
    assert_failure(answer, 429, error);
    assert_eq!(
        answer.header("retry-after"),
        Some(&*format!("{:.0}", wait.ceil()))
    );
    let (limit, remaining, _) = standing(answer).unwrap();
    assert_eq!((limit, remaining), (10, 0));
}

#[tokio::test]
async fn each_answer_says_where_the_caller_stands_until_there_is_no_room() {
    let app = narrow().await;
    let token = caller("busy");
    for used in 1..=10 {
        let answer = match used % 2 {
            0 => app.invoke_as(&token, "get_messages", read().params).await,
            _ => {
                app.invoke_as(&token, "get_messages", json!({"channel_id": 5}))
                    .await
            }
        };
        assert!([200, 422].contains(&answer.status), "{}", answer.text);
        let (limit, remaining, reset) = standing(&answer).unwrap();
        assert_eq!((limit, remaining), (10, 10 - used), "{}", answer.text);
        // Ten seconds for each that was used, less the time that has passed.
        let full = used * 10;
        assert!((full - 9..=full).contains(&reset), "{reset} after {used}");
    }
    let sent = app.discord.requests().len();
    assert_refused(&app.invoke_as(&token, "get_messages", read().params).await);
    assert_refused(&app.invoke_as(&token, "send_message", send().params).await);
    assert_refused(&app.post(&token, "{").await);
    assert_eq!(app.discord.requests().len(), sent);

    // Another caller has a room of its own, with the same bot; another token of this one has none.
    let other = caller("quiet");
    let answer = app.invoke_as(&other, "get_messages", read().params).await;
    assert_eq!((answer.status, standing(&answer).unwrap().1), (200, 9));
    let token = tokens::token_with(json!({"sub": "busy", "jti": "a new one"}));
    assert_refused(&app.invoke_as(&token, "get_messages", read().params).await);
}

#[tokio::test]
async fn both_doors_count_together_and_the_mcp_door_refuses_in_its_own_form() {
    let app = narrow().await;
    let token = caller("both");
    let mcp = Mcp::modern(&app).token(&token);
    for used in 1..=10 {
        let answer = match used % 2 {
            0 => app.invoke_as(&token, "get_messages", read().params).await,
            _ => mcp.call("get_messages", read().params).await,
        };
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(standing(&answer).unwrap().1, 10 - used);
    }
    assert_refused(&app.invoke_as(&token, "get_messages", read().params).await);
    let answer = mcp.id("seven").call("get_messages", read().params).await;
    assert_eq!(answer.status, 429, "{}", answer.text);
    let wait = answer.body["error"]["data"]["retry_after"]
        .as_f64()
        .unwrap();
    assert_eq!(
        answer.body,
        json!({
            "jsonrpc": "2.0",
            "id": "seven",
            "error": {
                "code": -32600,
                "message": MESSAGE,
                "data": {
                    "code": "rate_limited",
                    "message": MESSAGE,
                    "hint": HINT,
                    "retry_after": wait,
                },
            },
        })
    );
    assert_eq!(
        answer.header("retry-after"),
        Some(&*format!("{:.0}", wait.ceil()))
    );
    assert_eq!(standing(&answer).unwrap().1, 0);
}

#[tokio::test]
async fn refusals_are_recorded_and_cost_nothing_else() {
    let app = narrow().await;
    let token = caller("recorded");
    for _ in 0..10 {
        app.invoke_as(&token, "get_messages", json!({})).await;
    }
    let before = app.audit().len();
    app.invoke_as(&token, "send_message", send().params).await;
    Mcp::modern(&app)
        .token(&token)
        .call("send_message", send().params)
        .await;
    let lines = app.audit().split_off(before);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                &line["stage"],
                &line["door"],
                &line["user_id"],
                &line["status"],
                &line["success"],
            )
        })
        .collect();
    let (stage, user, status, success) = (
        json!("outcome"),
        json!("recorded"),
        json!("rate_limited"),
        json!(false),
    );
    let (rest, mcp) = (json!("rest"), json!("mcp"));
    assert_eq!(
        told,
        [
            (&stage, &rest, &user, &status, &success),
            (&stage, &mcp, &user, &status, &success),
        ]
    );
    assert!(lines.iter().all(|line| line.get("requests").is_none()));
    assert!(app.discord.requests().is_empty());
}

#[tokio::test]
async fn what_no_caller_asks_is_not_counted() {
    let app = narrow().await;
    let token = caller("curious");
    for _ in 0..15 {
        assert_eq!(app.get("/healthz", None).await.status, 200);
        let stranger = app.post("not a token", "{}").await;
        assert_eq!((stranger.status, standing(&stranger)), (401, None));
    }
    let answer = app.invoke_as(&token, "get_messages", read().params).await;
    assert_eq!((answer.status, standing(&answer).unwrap().1), (200, 9));
}

/// As over MCP, where it is a request like any other.
#[tokio::test]
async fn to_list_the_tools_counts_and_is_refused_where_there_is_no_room() {
    let app = narrow().await;
    let token = caller("curious");
    for used in 1..=10 {
        let answer = app.get("/mcp/v1/tools", Some(&token)).await;
        let (limit, remaining, _) = standing(&answer).unwrap();
        assert_eq!((answer.status, limit, remaining), (200, 10, 10 - used));
    }
    assert!(app.audit().is_empty());
    assert_refused(&app.get("/mcp/v1/tools", Some(&token)).await);
    assert_refused(&app.invoke_as(&token, "get_messages", read().params).await);
}

#[tokio::test]
async fn room_comes_back_with_time() {
    let app = App::with(&[("RATE_LIMIT_PER_MINUTE", "300"), ("RATE_LIMIT_BURST", "1")]).await;
    let call = || app.invoke("get_messages", json!({}));
    assert_eq!(call().await.status, 422);
    let refused = call().await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    let wait = refused.body["error"]["retry_after"].as_f64().unwrap();
    assert!((0.0..=0.2).contains(&wait), "{wait}");
    tokio::time::sleep(std::time::Duration::from_secs_f64(wait + 0.005)).await;
    assert_eq!(call().await.status, 422);
}

#[tokio::test]
async fn the_defaults_are_generous_and_wrong_values_stop_the_start() {
    // An empty variable is one that is not set.
    let unset = [("RATE_LIMIT_PER_MINUTE", ""), ("RATE_LIMIT_BURST", "")];
    let app = App::with(&unset).await;
    let answer = app.invoke("get_messages", read().params).await;
    assert_eq!(standing(&answer), Some((120, 119, 1)));
    let read = |name: &'static str, value: &'static str| {
        let config = discord_mcp_server::config::Config::read(|variable| {
            (variable == name).then(|| value.into())
        });
        config.err().map(|error| error.to_string())
    };
    for name in ["RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_BURST"] {
        for value in ["0", "-1", "many", "1.5", "100001"] {
            let allowed = "a whole number from 1 to 100000";
            let expected = format!("{name}={value:?} cannot be used: {allowed}");
            assert_eq!(read(name, value), Some(expected));
        }
        assert_eq!(read(name, "100000"), None);
    }
}
