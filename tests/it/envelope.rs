//! The REST envelope, the routes, and the headers that every answer has.

use serde_json::json;

use crate::support::discord::seed::GENERAL;
use crate::support::{App, tokens};

#[tokio::test]
async fn a_success_is_the_envelope_and_nothing_else() {
    let app = App::start().await;
    let answer = app
        .invoke("get_channel_info", json!({"channel_id": GENERAL}))
        .await;
    assert_eq!(answer.status, 200);
    let id = answer.header("x-request-id").unwrap().to_owned();
    let expected = json!({
        "success": true,
        "result": {
            "id": GENERAL,
            "name": "general",
            "type": "text",
            "guild_id": "1234567890123456000",
            "topic": "The harbour sensor build, and whatever floats beside it",
            "nsfw": false,
            "position": 0,
            "parent_id": "1234567890123456804",
            "created_at": "2024-04-29T18:12:02Z",
            "last_message_id": "1568168320031653914",
        },
        "request_id": id,
    });
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let app = App::start().await;
    for (sent, kept) in [
        ("0af7651916cd43dd8448eb211c80319c", true),
        ("Abc-123_x", true),
        ("has.dots.like-a-token", false),
        ("with space", false),
        (&*"x".repeat(65), false),
    ] {
        let request = app
            .client
            .get(format!("{}/healthz", app.url))
            .header("x-request-id", sent);
        let answer = App::answer(request).await;
        assert_eq!(answer.header("x-request-id") == Some(sent), kept, "{sent}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_404_in_the_envelope_and_need_no_token() {
    let app = App::start().await;
    for path in [
        "/",
        "/mcp/v1/tools/invoke",
        "/mcp/v1/nothing",
        "/favicon.ico",
    ] {
        let answer = app.get(path, None).await;
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{path}");
        assert_eq!(answer.body["success"], false);
    }
}

#[tokio::test]
async fn health_and_readiness_need_no_token() {
    let app = App::start().await;
    let healthz = app.get("/healthz", None).await;
    assert_eq!(
        (healthz.status, healthz.body.clone()),
        (200, json!({"status": "ok"}))
    );
    let readyz = app.get("/readyz", None).await;
    assert_eq!(
        (readyz.status, readyz.body.clone()),
        (200, json!({"status": "ready"}))
    );
}

#[tokio::test]
async fn what_is_not_json_or_not_the_envelope_is_400_and_recorded() {
    let app = App::start().await;
    let bodies = [
        "",
        "{",
        "[]",
        "7",
        "{}",
        r#"{"method": 7}"#,
        r#"{"method": "get_messages", "params": []}"#,
    ];
    for body in bodies {
        let answer = app.post(&tokens::token(), body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "invalid_request"),
            "{body}"
        );
    }
    let lines = app.audit();
    assert_eq!(lines.len(), bodies.len());
    for line in lines {
        assert_eq!(line["stage"], "outcome");
        assert_eq!(line["status"], "invalid_request");
        assert_eq!(line["tool"], json!(null));
    }
    assert!(app.discord.requests().is_empty());
}
