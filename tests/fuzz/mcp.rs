//! The body of `POST /mcp`: the guard in front of the protocol's handler and the handler's own
//! reader are two readers of the same bytes. Neither panics; what the guard lets through for want
//! of a call, the handler must not take for one.
#![no_main]

use std::sync::Arc;

use discord_mcp_server::auth::{Credential, Limits, OperatorLimits, Principal, Scopes};
use discord_mcp_server::dispatch::Asked;
use discord_mcp_server::mcp::{Verdict, inspect};
use discord_mcp_server::tools::{self, PROMPTS};
use libfuzzer_sys::fuzz_target;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest};
use serde_json::{Map, Value};

fn principal(scopes: Scopes) -> Principal {
    Principal {
        user_id: "fuzz".to_owned(),
        jti: None,
        scopes,
        limits: Limits::default(),
        operator: Arc::new(OperatorLimits::default()),
        credential: Credential::Missing,
    }
}

fuzz_target!(|body: &[u8]| {
    let unlimited = inspect(body, &principal(Scopes::ALL));
    let limited = inspect(body, &principal(Scopes::parse("")));
    match (&unlimited, &limited) {
        (Verdict::Pass, Verdict::Pass | Verdict::OutOfScope { .. }) => {}
        (Verdict::Unrunnable, Verdict::Unrunnable) => {}
        // It runs nothing.
        (Verdict::TooLarge { .. }, Verdict::TooLarge { .. }) => return,
        (Verdict::Malformed { id, message, .. }, Verdict::Malformed { message: again, .. }) => {
            assert!(message == again && !id.is_object() && !id.is_array());
        }
        _ => panic!("what a body is depends on who sends it"),
    }
    let Ok(ClientJsonRpcMessage::Request(read)) = serde_json::from_slice(body) else {
        return;
    };
    if matches!(unlimited, Verdict::Malformed { .. }) {
        return;
    }
    let ran = match read.request {
        ClientRequest::CallToolRequest(call) => {
            assert!(!matches!(unlimited, Verdict::Unrunnable), "recorded twice");
            tools::find(&call.params.name)
        }
        ClientRequest::GetPromptRequest(get) => {
            let arguments = get.params.arguments.unwrap_or_default();
            PROMPTS
                .iter()
                .find(|prompt| prompt.name == get.params.name)
                .and_then(|prompt| {
                    fill(prompt, &arguments);
                    tools::find(prompt.tool)
                })
        }
        ClientRequest::ReadResourceRequest(read) => tools::TOOLS.iter().find(|tool| {
            let template = tool.resource.map_or("", |resource| resource.template);
            let (before, after) = template.split_once("{channel_id}").unwrap_or(("none", ""));
            let id = read
                .params
                .uri
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after));
            id.is_some_and(|id| !id.contains('/'))
        }),
        _ => None,
    };
    if let Some(tool) = ran {
        let Verdict::OutOfScope {
            asked: Asked::Run(invocation),
            ..
        } = limited
        else {
            panic!("a call of {} passed the guard", tool.name);
        };
        assert_eq!(invocation.tool, tool.name);
    }
});

/// What the door does with a prompt's arguments before it runs the prompt's tool.
fn fill(prompt: &tools::Prompt, arguments: &Map<String, Value>) {
    let params = (prompt.params)(arguments);
    (prompt.text)(arguments);
    let tool = tools::find(prompt.tool).unwrap();
    drop((tool.prepare)(params));
}
