//! What tests expect of failures, and how they wait.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Answer;

/// The whole answer is this failure, under the headers that every failure has.
#[track_caller]
pub fn assert_failure(answer: &Answer, status: u16, error: Value) {
    let id = answer.header("x-request-id");
    let expected = json!({"success": false, "error": error, "request_id": id});
    assert_eq!((answer.status, &answer.body), (status, &expected));
    assert!(id.is_some());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let challenged = matches!(
        answer.code(),
        "invalid_token" | "missing_discord_token" | "discord_token_rejected" | "insufficient_scope"
    );
    assert_eq!(answer.header("www-authenticate").is_some(), challenged);
    let waits = error.get("retry_after").is_some();
    assert_eq!(answer.header("retry-after").is_some(), waits);
}

/// Takes the nonce out of the body of a message that was sent without a key of the caller's, after
/// a look at it: of our own form, and one under which Discord sends only once.
#[track_caller]
pub fn take_nonce(body: &mut Value) -> String {
    let fields = body.as_object_mut().unwrap();
    let nonce = fields.remove("nonce").unwrap();
    let nonce = nonce.as_str().unwrap().to_owned();
    assert_eq!(nonce.len(), 24, "{nonce}");
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    assert!(nonce.bytes().all(hex), "{nonce}");
    assert_eq!(fields.remove("enforce_nonce"), Some(json!(true)));
    nonce
}

/// Waits until the condition holds, and fails the test if it does not within ten seconds.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
