//! What passes by itself is tried again, at most twice and only where that is safe; everything else
//! is asked once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::discord::Fault;
use crate::support::discord::seed::{GENERAL, LAST_MESSAGE};
use crate::support::operations::{DELETE, Operation, all, delete, read, send, sent};
use crate::support::{App, assert_failure};

/// How many operations [`all`] has.
const OPERATIONS: usize = 6;

fn error(status: u16, code: u64) -> Fault {
    let message = "As Discord words it";
    Fault::Error {
        status,
        code,
        message,
    }
}

fn limited(scope: &'static str) -> Fault {
    let retry_after = 0.05;
    Fault::RateLimited { retry_after, scope }
}

/// One server for each of these faults, so that what it remembers of one does not reach the next.
async fn each<F: Future<Output = ()>>(faults: &[Fault], run: impl Fn(App, Fault) -> F) {
    let cases = faults.iter().map(|fault| async {
        let app = App::start().await;
        run(app, fault.clone()).await;
    });
    join_all(cases).await;
}

/// The same, for each of the operations too.
async fn each_operation<F: Future<Output = ()>>(
    faults: &[Fault],
    run: impl Fn(App, Operation, Fault) -> F,
) {
    let pairs = faults
        .iter()
        .flat_map(|fault| (0..OPERATIONS).map(move |at| (fault, at)));
    let cases = pairs.map(|(fault, at)| {
        let run = &run;
        async move {
            let app = App::start().await;
            let operation = all(&app)[at].clone();
            run(app, operation, fault.clone()).await;
        }
    });
    join_all(cases).await;
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again_twice_and_then_works() {
    let faults = [
        Fault::Html(502),
        error(500, 130_000),
        Fault::CutBefore,
        limited("user"),
        limited("shared"),
        limited("global"),
    ];
    each_operation(&faults, |app, call, fault| async move {
        app.discord.fault(call.on(), 2, fault);
        let answer = app.invoke(call.tool, call.params.clone()).await;
        assert_eq!(answer.status, 200, "{call:?}: {}", answer.text);
        assert_eq!(call.requests(&app), 3, "{call:?}");
        assert_eq!(sent(&app), usize::from(call.tool == "send_message"));
    })
    .await;
}

#[tokio::test]
async fn what_does_not_pass_is_given_up_after_three_requests() {
    let faults = [Fault::Html(502), Fault::CutBefore, limited("user")];
    each_operation(&faults, |app, call, fault| async move {
        let limited = matches!(fault, Fault::RateLimited { .. });
        app.discord.fault(call.on(), usize::MAX, fault);
        let answer = app.invoke(call.tool, call.params.clone()).await;
        let expected = if limited {
            (429, "rate_limited")
        } else {
            (502, "discord_error")
        };
        assert_eq!((answer.status, answer.code()), expected, "{call:?}");
        assert_eq!(call.requests(&app), 3, "{call:?}");
        assert_eq!(sent(&app), 0);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_sent_once_although_its_answers_are_lost() {
    let faults = [Fault::CutAfter, Fault::HtmlAfter(502), Fault::Truncated];
    each(&faults, |app, fault| async move {
        let call = send();
        app.discord.fault(call.on(), 2, fault.clone());
        let answer = app.invoke(call.tool, call.params.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!((call.requests(&app), sent(&app)), (3, 1));
        let id = answer.result()["message"]["id"].as_str().unwrap();
        assert!(
            app.discord
                .with(|world| world.message(GENERAL, id).is_some())
        );

        // Where no answer comes at all the caller is told that the message may be there. It is.
        app.discord.clear_requests();
        app.discord.fault(call.on(), usize::MAX, fault);
        let answer = app.invoke(call.tool, call.params.clone()).await;
        assert_eq!((answer.status, answer.code()), (502, "discord_error"));
        let hint = answer.body["error"]["hint"].as_str().unwrap();
        assert!(
            hint.starts_with("Read the channel before trying again"),
            "{hint}"
        );
        assert_eq!((call.requests(&app), sent(&app)), (3, 2));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_does_not_hide_that_the_message_may_be_there() {
    let lost = [Fault::CutAfter, Fault::HtmlAfter(502), Fault::Truncated];
    let long = Fault::RateLimited {
        retry_after: 64.0,
        scope: "user",
    };
    let then = [
        long,
        error(403, 50013),
        error(401, 0),
        error(404, 10003),
        Fault::Html(403),
    ];
    let pairs = lost
        .iter()
        .flat_map(|lost| then.iter().map(move |then| (lost, then)));
    let cases = pairs.map(|(lost, then)| async move {
        let app = App::start().await;
        let call = send();
        app.discord.fault(call.on(), 1, lost.clone());
        app.discord.fault(call.on(), 1, then.clone());
        let answer = app.invoke(call.tool, call.params.clone()).await;
        assert_eq!((call.requests(&app), sent(&app)), (2, 1));
        assert_ne!(answer.status, 200);
        let hint = answer.body["error"]["hint"].as_str().unwrap_or_default();
        let warned = hint.contains("Read the channel before trying again");
        assert!(warned, "{}", answer.text);
    });
    join_all(cases).await;
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_a_success_when_the_message_is_gone() {
    each(
        &[Fault::CutAfter, Fault::HtmlAfter(502)],
        |app, fault| async move {
            let call = delete(&app);
            app.discord.fault(call.on(), 1, fault);
            let answer = app.invoke(call.tool, call.params.clone()).await;
            let id = &call.params["message_id"];
            assert_eq!(*answer.result(), json!({"deleted": [id]}));
            assert_eq!(call.requests(&app), 2);
            let outcome = app.audit().pop().unwrap();
            assert_eq!(outcome["status"], "ok");
            assert_eq!(outcome["message_ids"], json!([id]));
            assert_eq!(outcome["requests"], 2);
        },
    )
    .await;
}

#[tokio::test]
async fn a_message_that_was_gone_before_is_not_called_deleted() {
    let app = App::start().await;
    // The first attempt was refused for sure, so it is not the one that deleted the message.
    let call = delete(&app);
    let id = call.params["message_id"].as_str().unwrap();
    app.discord.with(|world| {
        let id: u64 = id.parse().unwrap();
        world.channel_mut(GENERAL).messages.remove(&id);
    });
    app.discord.fault(call.on(), 1, limited("user"));
    let answer = app.invoke(call.tool, call.params.clone()).await;
    assert_failure(
        &answer,
        404,
        json!({
            "code": "unknown_message",
            "message": "Discord knows no such message in this channel; it may have been deleted",
            "discord": {"status": 404, "code": 10008},
        }),
    );
    assert_eq!(call.requests(&app), 2);
}

#[tokio::test]
async fn what_would_fail_again_is_asked_once() {
    let faults = [
        error(400, 50035),
        error(400, 50006),
        error(403, 50013),
        error(403, 20),
        error(404, 10003),
        error(405, 0),
        error(409, 0),
        error(413, 40005),
        error(422, 0),
        Fault::Redirect("http://127.0.0.1:1/".into()),
        Fault::Html(200),
        Fault::Html(404),
        Fault::BadJson,
        Fault::HugeBody(10 << 20),
    ];
    each(&faults, |app, fault| async move {
        let deletion = Operation {
            params: json!({"channel_id": GENERAL, "message_id": LAST_MESSAGE}),
            ..delete(&app)
        };
        for call in [read(), send(), deletion] {
            // A deletion is answered by its status alone.
            let bodiless = matches!(
                fault,
                Fault::BadJson | Fault::HugeBody(_) | Fault::Html(200)
            );
            if call.route == DELETE && bodiless {
                continue;
            }
            app.discord.fault(call.on(), 1, fault.clone());
            let answer = app.invoke(call.tool, call.params.clone()).await;
            assert_ne!(answer.status, 200, "{call:?}: {}", answer.text);
            assert_eq!(call.requests(&app), 1, "{call:?}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_is_tried_three_times() {
    // Nothing listens on the lowest port of loopback.
    let app = App::with(&[("DISCORD_API_BASE", "http://127.0.0.1:1")]).await;
    let calls = [read(), send()].map(|call| app.invoke(call.tool, call.params));
    for answer in join_all(calls).await {
        let error = json!({
            "code": "discord_error",
            "message": "Discord could not be reached; nothing was sent",
            "hint": "Check the network and DISCORD_API_BASE, or try again in a moment.",
        });
        assert_failure(&answer, 502, error);
    }
    for line in app.audit().iter().filter(|line| line["stage"] == "outcome") {
        assert_eq!(line["requests"], 3, "{line}");
    }
}

#[tokio::test]
async fn a_retry_that_does_not_fit_into_the_call_is_not_made() {
    let app = App::with(&[("CALL_DEADLINE", "100ms")]).await;
    for call in [read(), send()] {
        app.discord.fault(call.on(), usize::MAX, Fault::Html(502));
        let began = Instant::now();
        let answer = app.invoke(call.tool, call.params.clone()).await;
        assert!(began.elapsed() < Duration::from_millis(200));
        assert_eq!((answer.status, answer.code()), (502, "discord_error"));
        assert_eq!(call.requests(&app), 1);
    }
}
