//! Many callers on kept connections, who call again and again, and what the server holds meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::bots::{Bot, Words};
use crate::support::process::Process;
use crate::support::raw::{Raw, call_of};
use crate::support::tokens;
use crate::upstream::{self, Upstream};

/// So many bots can make 2,880 calls a second.
const BOTS: usize = 64;
/// After so many calls a caller opens a new connection.
const KEPT: usize = 100;
/// How often memory and descriptors are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A server in a process of its own, before a Discord that costs little.
pub struct Steady {
    pub server: Process,
    pub upstream: Upstream,
    pub bots: Arc<Vec<Bot>>,
    dir: TempDir,
}

/// What the server held at some time.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub at: Duration,
    /// Calls that were answered by then.
    pub calls: usize,
    /// Resident memory, in MiB.
    pub resident: f64,
}

/// What came of many calls.
pub struct Course {
    pub words: Words,
    pub looks: Vec<Look>,
    pub took: Duration,
}

impl Steady {
    /// Starts it with these variables; Discord takes so long for each answer.
    pub async fn start(takes: Duration, variables: &[(&str, &str)]) -> Self {
        let (upstream, dir) = (Upstream::start(takes).await, tempfile::tempdir().unwrap());
        tokens::install_keys(&dir.path().join("keys"));
        let mut all = vec![
            ("DISCORD_API_BASE", &*upstream.base),
            // A line a call is told on a pipe that this process must read.
            ("RUST_LOG", "warn"),
        ];
        all.extend(variables);
        let server = Process::start(dir.path(), &all);
        Self {
            server,
            upstream,
            bots: Arc::new(upstream::bots(BOTS)),
            dir,
        }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Resident memory, in MiB.
    pub fn resident(&self) -> f64 {
        self.server.resident() as f64 / 1024.0
    }

    /// How many files and connections the server has open besides those to Discord, once its callers
    /// have gone.
    pub async fn descriptors(&self) -> usize {
        tokio::time::sleep(LOOK).await;
        self.server.descriptors() - self.upstream.open()
    }

    /// Makes so many calls, so many at a time, at this rate a second where there is one, and looks
    /// at the server meanwhile.
    pub async fn run(&self, calls: usize, callers: usize, rate: Option<f64>) -> Course {
        let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (next, bots) = (Arc::clone(&next), Arc::clone(&self.bots));
            let url = self.server.url.clone();
            tasks.spawn(async move {
                let (mut words, mut kept) = (Words::default(), None);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= calls {
                        return words;
                    }
                    if let Some(rate) = rate {
                        let due = began + Duration::from_secs_f64(number as f64 / rate);
                        tokio::time::sleep_until(due.into()).await;
                    }
                    let (mut connection, age) = match kept.take() {
                        Some(kept) => kept,
                        None => (Raw::open(&url).await, 0),
                    };
                    let bearer = &bots[number % bots.len()].bearer;
                    let call = call_of(bearer, &format!("n{number}"), &upstream::call(number));
                    let answer = connection.ask(&call).await;
                    words.add(word(&answer.text));
                    if age + 1 < KEPT {
                        kept = Some((connection, age + 1));
                    }
                }
            });
        }
        let mut course = Course {
            words: Words::default(),
            looks: Vec::new(),
            took: Duration::ZERO,
        };
        let mut clock = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                ended = tasks.join_next() => match ended {
                    Some(words) => course.words.add_all(&words.unwrap()),
                    None => break,
                },
                _ = clock.tick() => {
                    let calls = next.load(Ordering::Relaxed).min(calls);
                    course.looks.push(self.look(began, calls));
                }
            }
        }
        course.took = began.elapsed();
        course.looks.push(self.look(began, calls));
        course
    }

    fn look(&self, began: Instant, calls: usize) -> Look {
        Look {
            at: began.elapsed(),
            calls,
            resident: self.resident(),
        }
    }
}

/// `ok`, or the code of the error.
pub fn word(answer: &str) -> &str {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    // Most answers need no parsing.
    if body.starts_with(r#"{"success":true,"#) {
        return "ok";
    }
    let (_, code) = body
        .split_once(r#""code":""#)
        .unwrap_or_else(|| panic!("{body}"));
    code.split('"').next().unwrap()
}

/// How often each status stands in an outcome of the trail. It may be longer than memory is large.
pub fn outcomes(dir: &Path) -> Words {
    use std::io::BufRead as _;
    let file = std::fs::File::open(dir.join("audit.log")).unwrap();
    let mut words = Words::default();
    for line in std::io::BufReader::new(file).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line["stage"] == "outcome" {
            words.add(line["status"].as_str().unwrap());
        }
    }
    words
}

/// By how much the memory grows in ten minutes, in MiB: the slope of the line that fits best.
pub fn slope(looks: &[Look]) -> f64 {
    let count = looks.len() as f64;
    let seconds = |look: &Look| look.at.as_secs_f64();
    let at = looks.iter().map(seconds).sum::<f64>() / count;
    let resident = looks.iter().map(|look| look.resident).sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for look in looks {
        above += (seconds(look) - at) * (look.resident - resident);
        below += (seconds(look) - at).powi(2);
    }
    above / below * 600.0
}
