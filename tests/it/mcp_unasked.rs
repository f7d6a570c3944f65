//! Who is not asked before something is deleted, and what nobody is asked about.

use serde_json::json;

use crate::mcp_confirm::{QUESTION, asked, deleted, deletion};
use crate::support::discord::seed::{GENERAL, LAST_MESSAGE, VOICE};
use crate::support::mcp::{LEGACY, error_text, structured};
use crate::support::{App, Mcp, tokens};

#[tokio::test]
async fn who_cannot_ask_is_not_made_to() {
    let (form, url) = (json!({"form": {}}), json!({"url": {}}));
    let both = json!({"form": {}, "url": {}});
    for (elicitation, asks) in [
        (json!(null), false),
        (url, false),
        (json!({}), true),
        (form, true),
        (both, true),
    ] {
        let app = App::start().await;
        let capabilities = match elicitation.is_null() {
            true => json!({"sampling": {}, "roots": {}}),
            false => json!({"elicitation": elicitation}),
        };
        let client = Mcp::modern(&app).capabilities(capabilities);
        let answer = client.call("moderate_content", deletion()).await;
        if asks {
            asked(&answer, QUESTION);
        } else {
            assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
        }
        assert_eq!(deleted(&app), usize::from(!asks), "{elicitation}");
    }
}

#[tokio::test]
async fn clients_of_earlier_revisions_and_rest_are_not_asked() {
    for version in LEGACY {
        let app = App::start().await;
        let client = Mcp::legacy(&app, version);
        // The handshake of another request says what the client can; this one knows nothing of it.
        let initialize = json!({
            "protocolVersion": version,
            "capabilities": {"elicitation": {}},
            "clientInfo": {"name": "tests", "version": "1"},
        });
        client.send("initialize", initialize).await;
        let answer = client.call("moderate_content", deletion()).await;
        assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
    }
    let app = App::start().await;
    let answer = app.invoke("moderate_content", deletion()).await;
    assert_eq!(*answer.result(), json!({"deleted": [LAST_MESSAGE]}));
}

#[tokio::test]
async fn an_operator_can_switch_the_question_off() {
    let app = App::with(&[("CONFIRM_DELETIONS", "false")]).await;
    let client = Mcp::modern(&app).can_ask();
    let answer = client.call("moderate_content", deletion()).await;
    assert_eq!(*structured(&answer), json!({"deleted": [LAST_MESSAGE]}));
    assert_eq!(deleted(&app), 1);
}

#[tokio::test]
async fn what_deletes_nothing_needs_no_question() {
    let app = App::start().await;
    let client = Mcp::modern(&app).can_ask();
    let mut rehearsal = deletion();
    rehearsal["dry_run"] = json!(true);
    let answer = client.call("moderate_content", rehearsal).await;
    let would = &structured(&answer)["would_delete"];
    assert_eq!(would[0]["id"], LAST_MESSAGE);
    for (tool, params) in [
        (
            "send_message",
            json!({"channel_id": GENERAL, "message": "hi"}),
        ),
        ("get_messages", json!({"channel_id": GENERAL})),
        ("get_channel_info", json!({"channel_id": GENERAL})),
        (
            "search_messages",
            json!({"channel_id": GENERAL, "query": "x"}),
        ),
    ] {
        let answer = client.call(tool, params).await;
        assert_eq!(answer.result()["isError"], false, "{}", answer.text);
    }
    assert_eq!(deleted(&app), 0);
}

#[tokio::test]
async fn a_call_that_would_fail_is_refused_without_a_question() {
    let app = App::start().await;
    let scope = tokens::token_with(json!({"scope": "discord:read discord:write"}));
    let channels = tokens::token_with(json!({"channels": [VOICE]}));
    let no_bot = tokens::token_with(json!({"discord_token": null}));
    let client = Mcp::modern(&app).can_ask();
    let answer = client
        .clone()
        .token(&scope)
        .call("moderate_content", deletion())
        .await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    for (token, params, expected) in [
        (&channels, deletion(), "not_allowed: "),
        (&no_bot, deletion(), "missing_discord_token: "),
        (
            &tokens::token(),
            json!({"channel_id": GENERAL}),
            "invalid_params: ",
        ),
    ] {
        let answer = client
            .clone()
            .token(token)
            .call("moderate_content", params)
            .await;
        assert!(error_text(&answer).starts_with(expected), "{}", answer.text);
    }
    // Of which channel it might be a thread was asked, and no more.
    let methods = app.discord.requests().into_iter();
    assert_eq!(methods.map(|one| one.method).collect::<Vec<_>>(), ["GET"]);
}
