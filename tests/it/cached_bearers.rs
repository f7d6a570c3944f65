//! A bearer that was verified lately is not believed for longer than what it was verified with.
//! (Removed keys are in `key_reload`, revocations in `revocation`, a provider's keys in `provider_keys`:
//! each lets the same bearer in before.)

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::discord::seed::GENERAL;
use crate::support::{App, tokens};

#[tokio::test]
async fn a_bearer_stops_to_count_when_it_expires() {
    let app = App::start().await;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    // Clocks may be five seconds apart, so it counts for two or three seconds more.
    let token = tokens::token_with(json!({"iat": now - 60, "exp": now - 3}));
    let params = || json!({"channel_id": GENERAL});
    for _ in 0..2 {
        let answer = app.invoke_as(&token, "get_channel_info", params()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let began = Instant::now();
    loop {
        let answer = app.invoke_as(&token, "get_channel_info", params()).await;
        if answer.status == 401 {
            assert_eq!(answer.code(), "invalid_token");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "it still counts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // And it does not count again.
    let answer = app.invoke_as(&token, "get_channel_info", params()).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn each_bearer_counts_for_itself() {
    let app = App::start().await;
    let params = || json!({"channel_id": GENERAL, "message": "hello"});
    let reads = tokens::token_with(json!({"scope": "discord:read"}));
    let writes = tokens::token_with(json!({"scope": "discord:write"}));
    for _ in 0..3 {
        let refused = app.invoke_as(&reads, "send_message", params()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "insufficient_scope")
        );
        let sent = app.invoke_as(&writes, "send_message", params()).await;
        assert_eq!(sent.status, 200, "{}", sent.text);
    }
    // The last letter of a signature has bits that mean nothing; another text is another bearer.
    let mut changed = writes.clone();
    let last = changed.pop().unwrap();
    changed.push(if last == 'A' { 'B' } else { 'A' });
    let refused = app.invoke_as(&changed, "send_message", params()).await;
    assert_eq!((refused.status, refused.code()), (401, "invalid_token"));
}
