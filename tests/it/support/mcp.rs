//! A small MCP client, in both eras of the protocol.
//!
//! ```ignore
//! let app = App::start().await;
//! let answer = Mcp::modern(&app).call("get_channel_info", json!({"channel_id": GENERAL})).await;
//! assert_eq!(answer.result()["structuredContent"]["name"], "general");
//!
//! // A client that can ask its user, with a token of its own, one header short.
//! let client = Mcp::modern(&app).can_ask().token(&token).without("mcp-name");
//!
//! // Bytes as they are, under good headers.
//! let answer = Mcp::legacy(&app, "2025-06-18").post("{").await;
//! ```

use std::collections::HashMap;

use jsonschema::{Draft, Validator};
use reqwest::RequestBuilder;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{Answer, App, tokens};

/// The revision without a handshake.
pub const MODERN: &str = "2026-07-28";
/// The revisions that begin with `initialize`, oldest first.
pub const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// What the server says of itself in every result.
pub fn server_info() -> Value {
    json!({"name": "discord-mcp-server", "title": "Discord", "version": env!("CARGO_PKG_VERSION")})
}

/// The `_meta` of every result.
pub fn result_meta() -> Value {
    json!({"io.modelcontextprotocol/serverInfo": server_info()})
}

/// A client of one app, with one token, in one revision.
#[derive(Clone)]
pub struct Mcp {
    url: String,
    client: reqwest::Client,
    token: Option<String>,
    version: &'static str,
    id: Value,
    capabilities: Value,
    progress: Option<Value>,
    headers: Vec<(&'static str, Option<String>)>,
}

impl Mcp {
    /// A client of the newest revision that can do nothing but call.
    pub fn modern(app: &App) -> Self {
        Self::legacy(app, MODERN)
    }

    /// A client of a revision that begins with `initialize`, which has been done.
    pub fn legacy(app: &App, version: &'static str) -> Self {
        Self::at(&format!("{}/mcp", app.url), &app.client, version)
    }

    /// A client of whatever serves at this address.
    pub fn at(url: &str, client: &reqwest::Client, version: &'static str) -> Self {
        Self {
            url: url.to_owned(),
            client: client.clone(),
            token: Some(tokens::token()),
            version,
            id: json!(1),
            capabilities: json!({}),
            progress: None,
            headers: Vec::new(),
        }
    }

    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn anonymous(mut self) -> Self {
        self.token = None;
        self
    }

    pub fn id(mut self, id: impl Into<Value>) -> Self {
        self.id = id.into();
        self
    }

    pub fn capabilities(mut self, capabilities: Value) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Declares that it can show its user a form.
    pub fn can_ask(self) -> Self {
        self.capabilities(json!({"elicitation": {}}))
    }

    /// Asks for progress under this token.
    pub fn progress(mut self, token: impl Into<Value>) -> Self {
        self.progress = Some(token.into());
        self
    }

    /// Sends this header in place of what it would send.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, Some(value.to_owned())));
        self
    }

    /// Leaves this header out.
    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.push((name, None));
        self
    }

    fn is_modern(&self) -> bool {
        self.version == MODERN
    }

    /// The JSON-RPC request, with the `_meta` that the revision asks for.
    pub fn message(&self, method: &str, mut params: Value) -> Value {
        let mut meta = params["_meta"].as_object().cloned().unwrap_or_default();
        if self.is_modern() {
            let modern = json!({
                "io.modelcontextprotocol/protocolVersion": self.version,
                "io.modelcontextprotocol/clientCapabilities": self.capabilities,
                "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
            });
            meta.extend(modern.as_object().unwrap().clone());
        }
        if let Some(token) = &self.progress {
            meta.insert("progressToken".to_owned(), token.clone());
        }
        if !meta.is_empty() {
            params["_meta"] = meta.into();
        }
        json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
    }

    /// A request of these bytes, under the headers that belong to a call of this method.
    fn under_headers(&self, method: &str, name: Option<&str>, body: Vec<u8>) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        let mut set = |header: &'static str, value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            headers.insert(HeaderName::from_static(header), value);
        };
        set("content-type", "application/json");
        set("accept", "application/json, text/event-stream");
        set("mcp-protocol-version", self.version);
        if let Some(token) = &self.token {
            set("authorization", &format!("Bearer {token}"));
        }
        if self.is_modern() {
            set("mcp-method", method);
            if let Some(name) = name {
                set("mcp-name", name);
            }
        }
        for (header, value) in &self.headers {
            match value {
                Some(value) => {
                    headers.insert(*header, HeaderValue::from_str(value).unwrap());
                }
                None => {
                    headers.remove(*header);
                }
            }
        }
        self.client.post(&self.url).headers(headers).body(body)
    }

    /// The HTTP request for this method.
    pub fn request(&self, method: &str, params: Value) -> RequestBuilder {
        let named = match method {
            "tools/call" | "prompts/get" => &params["name"],
            "resources/read" => &params["uri"],
            _ => &Value::Null,
        };
        let name = named.as_str().map(str::to_owned);
        let body = self.message(method, params).to_string();
        self.under_headers(method, name.as_deref(), body.into_bytes())
    }

    /// Sends this method and reads the whole answer.
    pub async fn send(&self, method: &str, params: Value) -> Answer {
        App::answer(self.request(method, params)).await
    }

    /// Calls a tool.
    pub async fn call(&self, tool: &str, arguments: Value) -> Answer {
        self.send("tools/call", json!({"name": tool, "arguments": arguments}))
            .await
    }

    /// Posts a body as it is.
    pub async fn post(&self, body: impl Into<Vec<u8>>) -> Answer {
        App::answer(self.under_headers("ping", None, body.into())).await
    }
}

/// The messages of an event stream.
#[track_caller]
pub fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let lines = answer.text.lines();
    lines
        .filter_map(|line| line.strip_prefix("data:"))
        .filter(|data| !data.trim().is_empty())
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// The one text of a tool's result.
#[track_caller]
pub fn text(answer: &Answer) -> &str {
    let content = answer.result()["content"].as_array();
    let content = content.unwrap_or_else(|| panic!("no tool result: {}", answer.text));
    assert_eq!(content.len(), 1, "{}", answer.text);
    assert_eq!(content[0]["type"], "text");
    content[0]["text"].as_str().unwrap()
}

/// The text of a tool's result that is an error.
#[track_caller]
pub fn error_text(answer: &Answer) -> &str {
    assert_eq!(answer.result()["isError"], true, "{}", answer.text);
    assert_eq!(answer.result().get("structuredContent"), None);
    text(answer)
}

/// The structured content of a tool's result that is a success.
#[track_caller]
pub fn structured(answer: &Answer) -> &Value {
    assert_eq!(answer.result()["isError"], false, "{}", answer.text);
    &answer.result()["structuredContent"]
}

/// The whole answer is this JSON-RPC error to the request 1.
#[track_caller]
pub fn assert_rpc_error(answer: &Answer, status: u16, error: Value) {
    let expected = json!({"jsonrpc": "2.0", "id": 1, "error": error});
    assert_eq!((answer.status, &answer.body), (status, &expected));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// Checks against this schema.
pub fn validator(schema: &Value) -> Validator {
    let options = jsonschema::options().with_draft(Draft::Draft202012);
    options.build(schema).unwrap()
}

/// The schema `which` of each tool.
pub async fn schemas(app: &App, which: &str) -> HashMap<String, Value> {
    let list = Mcp::modern(app).send("tools/list", json!({})).await;
    let tools = list.result()["tools"].as_array().unwrap();
    let name = |tool: &Value| tool["name"].as_str().unwrap().to_owned();
    let pairs = tools.iter().map(|tool| (name(tool), tool[which].clone()));
    pairs.collect()
}
