//! The body of `POST /mcp/v1/tools/invoke`, as far as the tool that would run: it is read without a
//! panic, no answer and no question to a user repeats what it must not, and the audit trail keeps
//! no secret of it.
//!
//! The first byte says which strings of the parameters get a mark, by which they can be told from
//! our own words wherever they turn up. The rest is the body.
#![no_main]

mod strings;

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use discord_mcp_server::audit::{Audit, Content, ContentPolicy, holds_secret};
use discord_mcp_server::error::{Code, Error};
use discord_mcp_server::http::envelope;
use discord_mcp_server::tools;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use strings::{MARK, marked, texts};

static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
});

/// A trail for each policy. They write nothing here.
static TRAILS: LazyLock<[Audit; 3]> = LazyLock::new(|| {
    let all = [
        ContentPolicy::Full,
        ContentPolicy::Digest,
        ContentPolicy::None,
    ];
    all.map(|policy| {
        let content = Content::new(policy, Some(b"key"));
        Audit::open("/dev/null".as_ref(), false, content).unwrap()
    })
});

fuzz_target!(|data: &[u8]| {
    let [marks, body @ ..] = data else { return };
    let invocation = match envelope(&HEADERS, body) {
        Ok(invocation) => invocation,
        Err(error) => return assert_eq!(error.code(), Code::InvalidRequest),
    };
    let mut marks = (0..8).cycle().map(|bit| marks >> bit & 1 == 1);
    let Value::Object(params) = marked(invocation.params.into(), &mut marks) else {
        unreachable!("an object is marked as an object")
    };

    let kept = |trail: &Audit| Value::Object(trail.params(&params).into_owned());
    let [full, digest, none] = TRAILS.each_ref().map(kept);
    for kept in [&full, &digest, &none] {
        assert!(texts(kept).iter().all(|text| !holds_secret(text)));
        // Whoever reads the trail can read its lines.
        let line = json!({"params": kept}).to_string();
        assert!(serde_json::from_str::<Value>(&line).is_ok());
    }
    for kept in [&digest, &none] {
        assert!(
            texts(kept)
                .iter()
                .all(|text| text.len() <= 64 && !text.contains(MARK))
        );
    }

    let Some(tool) = tools::find(&invocation.tool) else {
        return;
    };
    match (tool.prepare)(params) {
        Ok(prepared) => {
            let question = prepared.confirmation().unwrap_or_default();
            assert!(!question.chars().any(char::is_control) && question.len() < 2000);
            assert!(!prepared.has_effect() || !tool.hints.read_only);
        }
        Err(error) => repeats_nothing(&error),
    }
});

fn repeats_nothing(error: &Error) {
    assert_eq!(error.code(), Code::InvalidParams);
    let text = error.to_text();
    assert!(!text.contains(MARK), "{text}");
    assert!(
        !text
            .chars()
            .any(|letter| letter.is_control() && letter != '\n'),
        "{text}"
    );
    assert!(text.len() < 1000, "{text}");
}
