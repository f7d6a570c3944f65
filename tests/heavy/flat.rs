//! Two hundred thousand calls, and the server's memory stays where it was.

use std::time::Duration;

use crate::steady::{Look, Steady};

const CALLS: usize = 200_000;
/// By then every cache is full and every buffer has grown.
const WARM: usize = 20_000;
const CALLERS: usize = 32;
/// In MiB, up or down.
const FLAT: f64 = 2.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_flat_over_two_hundred_thousand_calls() {
    if !crate::wanted() {
        return;
    }
    let steady = Steady::start(Duration::ZERO, &[]).await;
    let idle = steady.resident();
    let warm = steady.run(WARM, CALLERS, None).await;
    let before = steady.resident();
    let course = steady.run(CALLS, CALLERS, None).await;
    let memory = course.looks.iter().map(|look| look.resident);
    let (least, most) = memory.fold((f64::MAX, 0.0_f64), |(least, most), now| {
        (least.min(now), most.max(now))
    });
    let after = course.looks.last().map_or(0.0, |look| look.resident);
    println!(
        "flat: {CALLS} calls by {CALLERS} callers in {:.1?}, {:.0} a second: {}\n\
         flat: resident {idle:.1} MiB idle, {before:.1} MiB after {WARM} calls, then {least:.1} to {most:.1} MiB, {after:.1} MiB at the end",
        course.took,
        CALLS as f64 / course.took.as_secs_f64(),
        course.words,
    );
    let steps = course.looks.iter().step_by(course.looks.len().div_ceil(10));
    let step = |look: &Look| format!("{}k {:.1}", look.calls / 1000, look.resident);
    println!(
        "flat: MiB by calls: {}",
        steps.map(step).collect::<Vec<_>>().join(", ")
    );
    assert_eq!((warm.words.of("ok"), course.words.of("ok")), (WARM, CALLS));
    assert!((before - least).abs() <= FLAT && (most - before).abs() <= FLAT);
}
