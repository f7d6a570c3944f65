//! The trail as a whole, read back: which calls it tells of, and whether it is intact.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use discord_mcp_server::audit::verify::Verifier;
use serde_json::Value;

use crate::support::process::binary;

/// What the files of a trail say.
#[derive(Default)]
pub struct Ledger {
    pub lines: usize,
    /// Lines that are no JSON object, or of no stage that there is.
    pub unparsable: Vec<String>,
    /// Lines that stand there for the trail's own sake.
    pub checkpoints: Vec<Value>,
    /// By call.
    pub intents: HashMap<String, Vec<Value>>,
    /// By call.
    pub outcomes: HashMap<String, Vec<Value>>,
    /// The calls of a request, by the id that its caller knows.
    requests: HashMap<String, Vec<String>>,
}

impl Ledger {
    /// Reads files, oldest first.
    pub fn read<P: AsRef<Path>>(files: &[P]) -> Self {
        let mut ledger = Self::default();
        for file in files {
            let bytes = std::fs::read(file).unwrap();
            assert!(
                bytes.is_empty() || bytes.ends_with(b"\n"),
                "{} ends in the middle of a line",
                file.as_ref().display()
            );
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                ledger.take(line);
            }
        }
        ledger
    }

    fn take(&mut self, line: &[u8]) {
        self.lines += 1;
        let parsed: Value = serde_json::from_slice(line).unwrap_or_default();
        let by_call = match parsed["stage"].as_str() {
            Some("intent") => &mut self.intents,
            Some("outcome") => &mut self.outcomes,
            Some("checkpoint") => return self.checkpoints.push(parsed),
            _ => {
                let text = String::from_utf8_lossy(line).into_owned();
                return self.unparsable.push(text);
            }
        };
        let text = |name: &str| parsed[name].as_str().unwrap_or_default().to_owned();
        let (call, request) = (text("call_id"), text("request_id"));
        let calls = self.requests.entry(request).or_default();
        if !calls.contains(&call) {
            calls.push(call.clone());
        }
        by_call.entry(call).or_default().push(parsed);
    }

    pub fn outcome_count(&self) -> usize {
        self.outcomes.values().map(Vec::len).sum()
    }

    /// All outcome lines of the request that its caller knows by this id.
    pub fn outcomes_of(&self, request: &str) -> Vec<&Value> {
        let calls = self.requests.get(request).into_iter().flatten();
        calls
            .flat_map(|call| self.outcomes.get(call).into_iter().flatten())
            .collect()
    }

    /// The one outcome of a request; what is wrong where there is none, or more.
    pub fn outcome_of(&self, request: &str) -> Result<&Value, String> {
        match self.outcomes_of(request)[..] {
            [one] => Ok(one),
            ref all => Err(format!("{request} has {} outcomes", all.len())),
        }
    }

    /// What is wrong with the intents: each must have one line, and one outcome after it.
    pub fn unpaired(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (call, intents) in &self.intents {
            let outcomes = self.outcomes.get(call).map_or(&[][..], Vec::as_slice);
            match (&intents[..], outcomes) {
                ([intent], [outcome]) if intent["seq"].as_u64() < outcome["seq"].as_u64() => {}
                (intents, outcomes) => wrong.push(format!(
                    "{call} has {} intents and {} outcomes",
                    intents.len(),
                    outcomes.len()
                )),
            }
        }
        let twice = self.outcomes.iter().filter(|(_, lines)| lines.len() > 1);
        wrong.extend(twice.map(|(call, lines)| format!("{call} has {} outcomes", lines.len())));
        wrong
    }

    /// How many outcomes have this status.
    pub fn count(&self, status: &str) -> usize {
        let outcomes = self.outcomes.values().flatten();
        outcomes.filter(|line| line["status"] == status).count()
    }
}

/// Verifies the files as one trail from its first line, in this process and by `verify-audit`; the
/// number of lines.
#[track_caller]
pub fn intact<P: AsRef<Path>>(files: &[P]) -> u64 {
    let mut verifier = Verifier::default();
    for (at, path) in files.iter().enumerate() {
        let file = BufReader::new(File::open(path).unwrap());
        if let Err(broken) = verifier.read(at, file, |_| {}).unwrap() {
            let (path, problem) = (path.as_ref().display(), broken.problem);
            panic!("{path} line {} {problem}", broken.line);
        }
    }
    assert_eq!(verifier.first, Some(1), "the trail lacks its beginning");
    let said = binary(Path::new("/"), &[])
        .args(["verify-audit", "--expect-head", verifier.head()])
        .args(files.iter().map(|path| path.as_ref().as_os_str()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "verify-audit: {text}");
    let first = format!("INTACT: {} lines, numbers 1 to ", verifier.lines);
    assert!(text.starts_with(&first), "verify-audit: {text}");
    verifier.lines
}
