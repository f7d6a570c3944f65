//! Checks a running server, as the original's test script did, and says what to do about each
//! failure.
//!
//! `TOKEN=$(cargo run -q --example mint_token) cargo run --example smoke`
//! Optional: `URL` (default `http://localhost:8000`), and a channel id as the argument.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a report is what this example is for, and indexing a JSON value cannot panic"
)]

use std::process::ExitCode;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

/// What a check found: a word on success; on failure what was seen and what to do.
type Check = Result<String, (String, &'static str)>;

struct Server {
    client: Client,
    url: String,
    token: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Ok(token) = std::env::var("TOKEN") else {
        println!(
            "Set TOKEN first: TOKEN=$(cargo run -q --example mint_token) cargo run --example smoke [CHANNEL_ID]"
        );
        return ExitCode::from(2);
    };
    let url = std::env::var("URL").unwrap_or_else(|_| "http://localhost:8000".into());
    let Ok(client) = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(35))
        .build()
    else {
        println!("The HTTP client cannot be set up.");
        return ExitCode::from(2);
    };
    let server = Server {
        client,
        url: url.trim_end_matches('/').into(),
        token,
    };
    println!("Checking {}\n", server.url);
    let mut failures = 0;
    let mut report = |name: &str, check: Check| match check {
        Ok(seen) => println!("  pass  {name}: {seen}"),
        Err((seen, advice)) => {
            failures += 1;
            println!("  FAIL  {name}: {seen}\n        {advice}");
        }
    };
    let reached = server.is_reachable().await;
    let reachable = reached.is_ok();
    report("server is reachable", reached);
    if reachable {
        report(
            "a call without a token is refused",
            server.refuses_strangers().await,
        );
        report(
            "the token is accepted and lists tools",
            server.lists_tools().await,
        );
        match std::env::args().nth(1) {
            Some(channel) => report("a channel can be read", server.reads(&channel).await),
            None => println!("  skip  a channel can be read: give a channel id as the argument"),
        }
    }
    println!(
        "\n{}",
        if failures == 0 {
            "All checks passed."
        } else {
            "Some checks failed."
        }
    );
    ExitCode::from(u8::from(failures > 0))
}

impl Server {
    async fn is_reachable(&self) -> Check {
        let advice = "Start the server with `cargo run --release`; check the address, and that no other program has the port.";
        match self.ask(Method::GET, "/healthz", false, None).await {
            Ok((200, _)) => Ok("200 from /healthz".into()),
            Ok((status, _)) => Err((format!("{status} from /healthz"), advice)),
            Err(error) => Err((error, advice)),
        }
    }

    async fn refuses_strangers(&self) -> Check {
        let call = json!({"method": "get_channel_info", "params": {"channel_id": "1"}});
        match self
            .ask(Method::POST, "/mcp/v1/tools/invoke", false, Some(call))
            .await
        {
            Ok((401, _)) => Ok("401".into()),
            Ok((status, _)) => Err((
                format!("{status}"),
                "This is not the server it should be; stop it and look at what listens there.",
            )),
            Err(error) => Err((error, "Look at the server's log.")),
        }
    }

    async fn lists_tools(&self) -> Check {
        match self.ask(Method::GET, "/mcp/v1/tools", true, None).await {
            Ok((200, body)) => {
                let tools = body["result"]["tools"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let names: Vec<_> = tools
                    .iter()
                    .filter_map(|tool| tool["name"].as_str())
                    .collect();
                Ok(names.join(", "))
            }
            Ok((401, _)) => Err((
                "401 Invalid token".into(),
                "Tokens live 1 hour by default and only for the server whose keys/ signed them: mint a new one, in the same folder.",
            )),
            Ok((status, body)) => Err((describe(status, &body), "Look at the server's log.")),
            Err(error) => Err((error, "Look at the server's log.")),
        }
    }

    async fn reads(&self, channel: &str) -> Check {
        let call = json!({"method": "get_messages", "params": {"channel_id": channel, "limit": 1}});
        match self
            .ask(Method::POST, "/mcp/v1/tools/invoke", true, Some(call))
            .await
        {
            Ok((200, body)) => {
                let messages = body["result"]["messages"].as_array().map_or(0, Vec::len);
                let hint = body["result"]["hint"].as_str().unwrap_or_default();
                Ok(format!("{messages} message(s). {hint}").trim_end().into())
            }
            Ok((status, body)) => {
                let advice = match body["error"]["code"].as_str().unwrap_or_default() {
                    "missing_discord_token" => {
                        "The JWT carries no bot token: mint it with DISCORD_TOKEN set."
                    }
                    "discord_token_rejected" => {
                        "Copy the bot token anew from Discord's developer portal and mint a new JWT."
                    }
                    "missing_permission" => {
                        "Give the bot's role the permission in the server's settings, and check the channel's own overrides."
                    }
                    "unknown_channel" => {
                        "Check the id (Developer Mode, then Copy Channel ID) and that the bot was invited to that server."
                    }
                    "rate_limited" => "Wait the seconds it says, then try again.",
                    _ => "Read the message; the server's log has more under the request id.",
                };
                Err((describe(status, &body), advice))
            }
            Err(error) => Err((error, "Look at the server's log.")),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        signed: bool,
        body: Option<Value>,
    ) -> Result<(u16, Value), String> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if signed {
            request = request.bearer_auth(self.token.trim());
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.map_err(|error| {
            if error.is_connect() {
                "no connection".to_owned()
            } else {
                "no answer".to_owned()
            }
        })?;
        let status = answer.status().as_u16();
        let text = answer
            .text()
            .await
            .map_err(|_| "the answer broke off".to_owned())?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }
}

fn describe(status: u16, body: &Value) -> String {
    let error = &body["error"];
    format!(
        "{status} {}: {}",
        error["code"].as_str().unwrap_or("?"),
        error["message"].as_str().unwrap_or("?")
    )
}
