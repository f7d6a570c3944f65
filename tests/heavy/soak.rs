//! Ten minutes at a steady rate: nothing is lost, and nothing piles up.

use std::time::Duration;

use crate::ledger::intact;
use crate::steady::{Steady, outcomes, slope};

const CALLS: usize = 360_000;
/// Calls before those, as fast as they go, so that every buffer has grown.
const FIRST: usize = 20_000;
/// Calls a second.
const RATE: f64 = 600.0;
const CALLERS: usize = 32;
/// Discord takes a little, as it does.
const TAKES: Duration = Duration::from_millis(5);
/// What the memory did by then is not looked at.
const WARM: Duration = Duration::from_secs(60);
/// In MiB, in ten minutes.
const SLOPE: f64 = 1.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_minutes_leave_nothing_behind_but_their_lines() {
    if !crate::wanted() {
        return;
    }
    let mut steady = Steady::start(TAKES, &[]).await;
    steady.run(FIRST, CALLERS, None).await;
    let before = steady.descriptors().await;
    let course = steady.run(CALLS, CALLERS, Some(RATE)).await;
    let rate = CALLS as f64 / course.took.as_secs_f64();
    let warm = course
        .looks
        .iter()
        .position(|look| look.at >= WARM)
        .unwrap();
    // The last look is at callers who have gone.
    let looks = &course.looks[warm..course.looks.len() - 1];
    let slope = slope(looks);
    let (after, open) = (steady.descriptors().await, steady.upstream.open());
    let memory = |at: usize| looks[at].resident;
    println!(
        "soak: {CALLS} calls in {:.1?}, {rate:.0} a second: {}\n\
         soak: resident {:.1} MiB after {WARM:?}, {:.1} MiB at the end, {slope:+.2} MiB in ten minutes\n\
         soak: {before} descriptors before, {after} after, and {open} connections to Discord",
        course.took,
        course.words,
        memory(0),
        memory(looks.len() - 1),
    );
    steady.server.signal("TERM");
    let (status, output) = steady.server.wait();
    assert!(status.success(), "{output}");
    let told = outcomes(steady.dir());
    println!("soak: the trail tells of {told}");
    assert_eq!(course.words.of("ok"), CALLS);
    assert_eq!((told.of("ok"), told.sum()), (CALLS + FIRST, CALLS + FIRST));
    assert!(before.abs_diff(after) <= 2 && open <= CALLERS + 2);
    assert!(slope < SLOPE, "{slope}");
    intact(&[steady.dir().join("audit.log")]);
}
