//! Web pages of origins that the operator allows can call the server, and no others.

use reqwest::Method;
use serde_json::json;

use crate::support::discord::seed::GENERAL;
use crate::support::{App, tokens};

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_ask_and_call_and_read() {
    let app = App::with(&[("ALLOWED_ORIGINS", "https://app.example")]).await;
    let url = format!("{}/mcp/v1/tools/invoke", app.url);
    for (origin, status) in [("https://app.example", 200), ("https://evil.example", 403)] {
        let preflight = app
            .client
            .request(Method::OPTIONS, &url)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        let answer = App::answer(preflight).await;
        assert_eq!(answer.status, status);
        let allowed = (status == 200).then_some(origin);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        let headers = allowed.map(|_| "authorization,content-type");
        assert_eq!(answer.header("access-control-allow-headers"), headers);

        let body = json!({"method": "get_channel_info", "params": {"channel_id": GENERAL}});
        let call = app
            .client
            .post(&url)
            .header("origin", origin)
            .header("content-type", "application/json")
            .bearer_auth(tokens::token())
            .body(body.to_string());
        let answer = App::answer(call).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
    }
    assert_eq!(app.audit().len(), 1);
}
