//! What the parts of a call cost by themselves: `cargo bench --bench micro`, and with `-- parse` or
//! another word only those whose names have it in them.
//!
//! The trails are in `BENCH_DIR`, or in the folder for temporary files.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark may stop where it stands, and shares its forms with another; criterion's macros make a \
              public function"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use discord_mcp_server::audit::{Audit, Content, ContentPolicy, Outcome, Subject, Touched};
use discord_mcp_server::auth::{
    Credential, Grant, Keys, OperatorLimits, Principal, Revocations, Rules, Scopes, Verifier, mint,
};
use discord_mcp_server::discord::{BotToken, Cdn, Connector, History};
use discord_mcp_server::dispatch::{Asked, Caller, Dispatcher, RequestId};
use discord_mcp_server::http::envelope;
use discord_mcp_server::tools;
use futures_util::FutureExt as _;
use serde_json::Value;
use serde_json::value::to_raw_value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[path = "calls/forms.rs"]
mod forms;
#[path = "calls/lean.rs"]
mod lean;
#[path = "calls/plan.rs"]
mod plan;

const NAME: &str = "bench";

fn folder() -> TempDir {
    match std::env::var_os("BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}

/// A trail in a folder that goes when it is dropped.
fn trail() -> (Audit, TempDir) {
    let dir = folder();
    let content = Content::new(ContentPolicy::Full, None);
    let audit = Audit::open(&dir.path().join("audit.log"), false, content);
    (audit.unwrap(), dir)
}

/// A bearer for the first time, with its bot token sealed and readable, and every time after that.
fn verification(criterion: &mut Criterion) {
    let dir = folder();
    let keys = Arc::new(Keys::load_or_create(dir.path()).unwrap());
    let rules = Rules {
        issuer: NAME.to_owned(),
        audience: NAME.to_owned(),
        max_lifetime: Duration::from_secs(3600),
        require_sealed: false,
        operator: OperatorLimits::default(),
        revocations: Revocations::open(&dir.path().join("revoked.jsonl")).unwrap(),
        provider: None,
    };
    let verifier = Verifier::new(Arc::clone(&keys), rules);
    let mut group = criterion.benchmark_group("verification");
    for (name, plain) in [("sealed", false), ("readable", true)] {
        let grant = Grant {
            sub: NAME.to_owned(),
            scopes: Scopes::ALL,
            ttl: Duration::from_secs(3600),
            channels: Vec::new(),
            guilds: Vec::new(),
            plain,
        };
        let bot = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789AB";
        let bot = BotToken::parse(bot).unwrap();
        let bearer = mint(&keys, NAME, NAME, &grant, &bot).unwrap().jwt;
        // Our own tokens are verified without waiting for anything.
        let verify = || verifier.verify(black_box(&bearer)).now_or_never().unwrap();
        assert!(verify().is_ok());
        group.bench_function(format!("{name}, anew"), |bencher| {
            // New keys, even if they are the same, make the verifier forget.
            let forget = || verifier.use_keys(Arc::clone(&keys));
            bencher.iter_batched(forget, |()| verify(), BatchSize::PerIteration);
        });
        group.bench_function(format!("{name}, again"), |bencher| bencher.iter(verify));
    }
    group.finish();
}

/// A page of 100 messages: into our structs, beside the leanest structs and untyped values; and out
/// of our structs again.
fn parsing(criterion: &mut Criterion) {
    let page = forms::page();
    let bytes = page.as_bytes();
    let mut group = criterion.benchmark_group("parse a page of 100");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("ours", |bencher| {
        bencher.iter(|| History::read(black_box(&page), 100).unwrap());
    });
    group.bench_function("lean", |bencher| {
        bencher.iter(|| {
            serde_json::from_slice::<Vec<lean::Message<'_>>>(black_box(bytes))
                .unwrap()
                .len()
        });
    });
    group.bench_function("untyped", |bencher| {
        bencher.iter(|| serde_json::from_slice::<Value>(black_box(bytes)).unwrap());
    });
    group.finish();
    let ours = History::read(&page, 100).unwrap().messages;
    let lean: Vec<lean::Message<'_>> = serde_json::from_slice(bytes).unwrap();
    let mut group = criterion.benchmark_group("write a page of 100");
    group.bench_function("ours", |bencher| {
        bencher.iter(|| to_raw_value(black_box(&ours)).unwrap())
    });
    group.bench_function("lean", |bencher| {
        bencher.iter(|| to_raw_value(black_box(&lean)).unwrap())
    });
    group.finish();
}

/// The body of a call into a tool's parameters; and a whole call through dispatch but for Discord:
/// a caller whose token has no bot token in it is refused where the client would be opened, and
/// that is recorded.
fn dispatch(criterion: &mut Criterion) {
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    let plan = plan::Plan::of(&[]);
    let mut group = criterion.benchmark_group("dispatch");
    for tool in &plan.tools {
        let body = tool.body();
        group.bench_function(format!("parameters of {}", tool.name), |bencher| {
            bencher.iter(|| {
                let invocation = envelope(black_box(&headers), black_box(body.as_bytes())).unwrap();
                (tools::find(&invocation.tool).unwrap().prepare)(invocation.params).unwrap()
            });
        });
    }
    let runtime = Runtime::new().unwrap();
    let (audit, _dir) = trail();
    let cdn = Cdn::new("http://127.0.0.1:1").unwrap();
    let connector = Connector::new("http://127.0.0.1:1", cdn).unwrap();
    let dispatcher = Arc::new(Dispatcher::new(
        connector,
        audit,
        Duration::from_secs(30),
        4,
        0,
    ));
    let principal = Arc::new(Principal {
        user_id: NAME.to_owned(),
        jti: Some("0197f7c0-0000-7000-8000-000000000001".into()),
        scopes: Scopes::ALL,
        limits: Default::default(),
        operator: Arc::default(),
        credential: Credential::Missing,
    });
    let body = plan.tools[0].body();
    group.bench_function("a call refused before Discord", |bencher| {
        let invocation = || envelope(&headers, body.as_bytes()).unwrap();
        let call = |invocation| {
            let id = "0197f7c0-0000-7000-8000-000000000000".to_owned();
            let id = RequestId::new(id, None, Some([127, 0, 0, 1].into()));
            let caller = Caller::new(Arc::clone(&principal), "rest", id);
            let permit = Arc::new(dispatcher.admit().unwrap());
            runtime
                .block_on(dispatcher.call(caller, permit, Asked::Run(invocation)))
                .is_err()
        };
        bencher.iter_batched(invocation, call, BatchSize::SmallInput);
    });
    group.finish();
}

/// The lines of a call, as they are for the kernel to keep: redacted, chained, written.
fn audit(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (audit, _dir) = trail();
    let plan = plan::Plan::of(&[]);
    let body: Value = serde_json::from_str(&plan.tools[0].body()).unwrap();
    let params = body["params"].as_object().unwrap();
    let subject = || Subject {
        call_id: uuid::Uuid::now_v7().to_string(),
        request_id: "0197f7c0-0000-7000-8000-000000000000".into(),
        door: "rest",
        user_id: NAME.into(),
        jti: Some("0197f7c0-0000-7000-8000-000000000001".into()),
        client: Some([127, 0, 0, 1].into()),
        tool: Some("send_message".into()),
    };
    let outcome = Outcome {
        success: true,
        status: "ok",
        duration_ms: 87,
        requests: 1,
        touched: Touched::default(),
    };
    let mut group = criterion.benchmark_group("audit");
    group.bench_function("parameters, redacted", |bencher| {
        bencher.iter(|| audit.params(black_box(params)));
    });
    group.bench_function("outcome", |bencher| {
        let write = |subject| {
            let call = audit.prepare(subject, Some(params));
            runtime.block_on(audit.outcome(&call, &outcome)).unwrap();
        };
        bencher.iter_batched(subject, write, BatchSize::SmallInput);
    });
    group.bench_function("intent and outcome", |bencher| {
        let write = |subject| {
            let call = audit.prepare(subject, Some(params));
            runtime.block_on(async {
                audit.intent(&call).await.unwrap();
                audit.outcome(&call, &outcome).await.unwrap();
            });
        };
        bencher.iter_batched(subject, write, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group! {
    name = parts;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = verification, parsing, dispatch, audit
}
criterion_main!(parts);
