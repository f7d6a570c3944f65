//! What is measured.

use serde_json::json;

use super::forms::{CHANNEL, MESSAGE, WORD};

/// The number of callers for which what a call may cost is set.
pub const JUDGED: usize = 16;
const CALLERS: [usize; 4] = [1, 16, 64, 256];
/// How many rounds there are, and where they are judged: no machine is the same for long.
const ROUNDS: usize = 5;
const JUDGED_ROUNDS: usize = 15;

/// The tools, the numbers of callers, and how many rounds of each.
pub struct Plan {
    pub tools: Vec<Tool>,
    pub callers: Vec<usize>,
    rounds: Option<usize>,
}

/// A tool, as it is called here.
#[derive(Clone, Copy)]
pub struct Tool {
    pub name: &'static str,
    /// What it may cost with 16 callers, as a multiple of the floor.
    pub most: Option<f64>,
}

const TOOLS: [Tool; 5] = [
    Tool {
        name: "send_message",
        most: Some(1.3),
    },
    Tool {
        name: "get_messages",
        most: Some(1.3),
    },
    Tool {
        name: "get_channel_info",
        most: Some(1.3),
    },
    Tool {
        name: "search_messages",
        most: Some(1.3),
    },
    Tool {
        name: "moderate_content",
        most: None,
    },
];

impl Plan {
    /// What the command line chooses, which may have more on it from cargo.
    pub fn of(arguments: &[&str]) -> Self {
        let chosen = |tool: &Tool| arguments.contains(&tool.name);
        let mut tools = TOOLS.to_vec();
        if tools.iter().any(chosen) {
            tools.retain(chosen);
        }
        let numbers = arguments
            .iter()
            .filter_map(|argument| argument.parse().ok());
        let mut callers: Vec<usize> = numbers.filter(|&number| number > 0).collect();
        if callers.is_empty() {
            callers = CALLERS.to_vec();
        }
        let rounds = arguments
            .iter()
            .find_map(|argument| argument.strip_prefix("rounds="));
        Self {
            tools,
            callers,
            rounds: rounds.map(|number| number.parse().unwrap()),
        }
    }

    /// How many rounds so many callers make.
    pub fn rounds(&self, callers: usize) -> usize {
        let own = if callers == JUDGED {
            JUDGED_ROUNDS
        } else {
            ROUNDS
        };
        self.rounds.unwrap_or(own)
    }

    /// Few callers and many, where both are asked for.
    pub fn growth(&self) -> Option<[usize; 2]> {
        let many = *self.callers.iter().max()?;
        let asked = self.callers.contains(&JUDGED) && many > JUDGED;
        asked.then_some([JUDGED, many])
    }
}

impl Tool {
    /// The body of a call: for reading, as much as one request to Discord brings.
    pub fn body(self) -> String {
        let params = match self.name {
            "send_message" => json!({
                "channel_id": CHANNEL,
                "message": "The quay is closed until Friday. See https://example.com/harbour/notice.html for \
                            the times, and tell the crew.",
            }),
            "get_messages" => json!({"channel_id": CHANNEL, "limit": 100}),
            "search_messages" => json!({
                "channel_id": CHANNEL, "query": WORD, "mode": "scan", "limit": 100, "max_scan": 100,
            }),
            "moderate_content" => json!({"channel_id": CHANNEL, "message_id": MESSAGE}),
            _ => json!({"channel_id": CHANNEL}),
        };
        json!({"method": self.name, "params": params}).to_string()
    }
}
