//! What must be said in HTTP and cannot be said by a handler of the protocol: that a body is no
//! JSON-RPC request, and that a scope is missing. This finds it; `http` says it.

use serde_json::{Map, Value};

use super::resources;
use crate::auth::{Principal, Scope};
use crate::dispatch::{Asked, Invocation, Listing};
use crate::tools::{self, Entry, PROMPTS, check_size, check_weight};

/// What a body is.
pub enum Verdict {
    /// A message for the protocol's handler to judge.
    Pass,
    /// No JSON-RPC message.
    Malformed {
        /// The code of JSON-RPC 2.0, section 5.1.
        code: i32,
        /// What was wrong.
        message: &'static str,
        /// The id of the request, null where there is none to be read.
        id: Value,
    },
    /// A call of no form that could be run: the handler says so, and it is to be recorded.
    Unrunnable,
    /// A message that is too large without being so by files.
    TooLarge {
        /// The id of the request, null where it was not read.
        id: Value,
        /// What was called, where that is known.
        tool: Option<String>,
    },
    /// A call for which the token lacks the scope.
    OutOfScope {
        /// The id of the request.
        id: Value,
        /// What was called.
        asked: Asked,
    },
}

/// Looks at a body before the protocol's handler does.
pub fn inspect(body: &[u8], principal: &Principal) -> Verdict {
    let malformed = |message| Verdict::Malformed {
        code: -32600,
        message,
        id: Value::Null,
    };
    if check_weight(body).is_err() {
        return Verdict::TooLarge {
            id: Value::Null,
            tool: None,
        };
    }
    let size = body.len();
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Verdict::Malformed {
            code: -32700,
            message: "The body is not JSON, or nested too deeply",
            id: Value::Null,
        };
    };
    let Value::Object(mut message) = body else {
        return malformed(
            "The body must be one JSON-RPC message, an object; batches are not served",
        );
    };
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return malformed("`jsonrpc` must be \"2.0\"");
    }
    let id_is_good = match message.get("id") {
        None | Some(Value::String(_)) => true,
        Some(Value::Number(number)) => number.is_i64(),
        Some(_) => false,
    };
    if !id_is_good {
        return malformed("`id` must be a string or a whole number");
    }
    let params = match message.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return malformed("`params` must be an object"),
    };
    if params.get("_meta").is_some_and(|meta| !meta.is_object()) {
        return malformed("`_meta` must be an object");
    }
    let tool = params.get("name").and_then(Value::as_str);
    let tool = tool.filter(|_| {
        message
            .get("method")
            .is_some_and(|method| method == "tools/call")
    });
    let none = Map::new();
    let arguments = params.get("arguments").and_then(Value::as_object);
    if check_size(tool.unwrap_or_default(), arguments.unwrap_or(&none), size).is_err() {
        return Verdict::TooLarge {
            id: message.get("id").cloned().unwrap_or_default(),
            tool: tool.map(str::to_owned),
        };
    }
    let Some(method) = message.get("method") else {
        let is_answer = message.contains_key("result") || message.contains_key("error");
        return if is_answer {
            Verdict::Pass
        } else {
            malformed("`method` is missing")
        };
    };
    let Some(method) = method.as_str() else {
        return malformed("`method` must be a string");
    };
    let id = message.get("id").cloned().unwrap_or_default();
    if method == "tools/call" {
        if id.is_null() {
            return malformed("`id` is missing: a call is a request, not a notification");
        }
        let is_object =
            |value: Option<&Value>| value.is_none_or(|value| value.is_object() || value.is_null());
        if !params.get("name").is_some_and(Value::is_string) || !is_object(params.get("arguments"))
        {
            return Verdict::Unrunnable;
        }
    }
    // The handler would take a cursor of another type for none.
    if params
        .get("cursor")
        .is_some_and(|cursor| !cursor.is_string() && !cursor.is_null())
    {
        return Verdict::Malformed {
            code: -32602,
            message: "`cursor` must be a string",
            id,
        };
    }
    match called(method, params) {
        // What the operator forbids is no matter of scopes; the call says so.
        Some((scope, asked)) if !principal.may(scope) && !principal.is_barred(scope) => {
            Verdict::OutOfScope { id, asked }
        }
        _ => Verdict::Pass,
    }
}

/// What a request would have done, and the scope that it needs, where there is one.
fn called(method: &str, mut params: Map<String, Value>) -> Option<(Scope, Asked)> {
    let run = |tool: &Entry, params| {
        let tool_name = tool.name.to_owned();
        let invocation = Invocation {
            tool: tool_name,
            params,
        };
        (tool.scope, Asked::Run(invocation))
    };
    let object = |value: Option<Value>| match value {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let name = params.get("name").and_then(Value::as_str);
    match method {
        "tools/call" => Some(run(tools::find(name?)?, object(params.remove("arguments")))),
        "resources/read" => resources::asked(params.get("uri")?.as_str()?),
        "resources/list" => Some((Scope::Read, Asked::List(Listing::Guilds))),
        "prompts/get" => {
            let prompt = PROMPTS.iter().find(|prompt| Some(prompt.name) == name)?;
            Some(run(
                tools::find(prompt.tool)?,
                object(params.remove("arguments")),
            ))
        }
        _ => None,
    }
}
