//! An attempt that gets no answer ends after fifteen seconds, and leaves the call time for another:
//! a read then works, and a message is there once.

use std::time::{Duration, Instant};

use crate::support::App;
use crate::support::discord::Fault;
use crate::support::operations::{delete, read, send, sent};

const ATTEMPT: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_without_an_answer_is_tried_again() {
    if !crate::wanted() {
        return;
    }
    let app = App::start().await;
    // The token is known to be good, so that none of the calls waits for another.
    app.invoke("get_channel_info", read().params).await.result();
    let calls = [
        (read(), Fault::Hang),
        (send(), Fault::HangAfter),
        (delete(&app), Fault::HangAfter),
    ];
    let began = Instant::now();
    let calls = calls.into_iter().map(|(call, fault)| {
        app.discord.fault(call.on(), 1, fault);
        let app = &app;
        async move {
            let answer = app.invoke(call.tool, call.params.clone()).await;
            assert_eq!(answer.status, 200, "{call:?}: {}", answer.text);
            assert_eq!(call.requests(app), 2, "{call:?}");
            began.elapsed()
        }
    });
    let times = futures_util::future::join_all(calls).await;
    println!("silence: a read, a message and a deletion after {times:.1?}");
    assert_eq!(sent(&app), 1);
    for took in times {
        assert!(
            (ATTEMPT..ATTEMPT + Duration::from_secs(3)).contains(&took),
            "{took:?}"
        );
    }
}
