//! What a route answers, and Discord's errors by name.
//!
//! A route returns `Result<Answer, Answer>`: `?` then ends it with an error as Discord words it.

use serde_json::{Value, json};

/// A status and a JSON body; no body means 204.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Option<Value>,
    pub headers: Vec<(String, String)>,
}

/// What a route ends with; the error side is an answer too.
pub type Outcome = Result<Answer, Answer>;

impl Answer {
    pub fn ok(body: impl Into<Value>) -> Self {
        Self::new(200, Some(body.into()))
    }

    pub fn no_content() -> Self {
        Self::new(204, None)
    }

    pub fn new(status: u16, body: Option<Value>) -> Self {
        Self {
            status,
            body,
            headers: Vec::new(),
        }
    }

    /// Any of Discord's JSON errors.
    pub fn error(status: u16, code: u64, message: &str) -> Self {
        let mut body = json!({"message": message, "code": code});
        // Discord says with every 429 how long to wait, whatever its code.
        if status == 429 {
            body["retry_after"] = json!(1.0);
            body["global"] = json!(false);
        }
        Self::new(status, Some(body))
    }

    /// The error of a form: 50035 with one entry under `errors`, at the dotted `field`.
    pub fn form(field: &str, code: &str, message: &str) -> Self {
        let leaf = json!({"_errors": [{"code": code, "message": message}]});
        let errors = field
            .rsplit('.')
            .fold(leaf, |inner, name| json!({ name: inner }));
        let body = json!({"message": "Invalid Form Body", "code": 50035, "errors": errors});
        Self::new(400, Some(body))
    }

    /// 429 as Discord words it. The header counts whole seconds, the body fractions.
    pub fn rate_limited(retry_after: f64, scope: &str) -> Self {
        let global = scope == "global";
        let body = json!({
            "message": "You are being rate limited.",
            "retry_after": retry_after,
            "global": global,
        });
        let mut answer = Self::new(429, Some(body));
        answer.header("retry-after", format!("{:.0}", retry_after.ceil()));
        answer.header("x-ratelimit-scope", scope);
        if global {
            answer.header("x-ratelimit-global", "true");
        } else {
            answer.header("x-ratelimit-remaining", "0");
            answer.header("x-ratelimit-reset-after", format!("{retry_after:.3}"));
        }
        answer
    }

    pub fn names(&self, header: &str) -> bool {
        let mut names = self.headers.iter().map(|(name, _)| name);
        names.any(|name| name.eq_ignore_ascii_case(header))
    }

    /// Sets a header, replacing one of the same name.
    pub fn header(&mut self, name: &str, value: impl Into<String>) {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }
}

pub fn unauthorized() -> Answer {
    Answer::error(401, 0, "401: Unauthorized")
}

pub fn no_route() -> Answer {
    Answer::error(404, 0, "404: Not Found")
}

pub fn method_not_allowed() -> Answer {
    Answer::error(405, 0, "405: Method Not Allowed")
}

pub fn unknown_channel() -> Answer {
    Answer::error(404, 10003, "Unknown Channel")
}

pub fn unknown_guild() -> Answer {
    Answer::error(404, 10004, "Unknown Guild")
}

pub fn unknown_message() -> Answer {
    Answer::error(404, 10008, "Unknown Message")
}

pub fn missing_access() -> Answer {
    Answer::error(403, 50001, "Missing Access")
}

pub fn missing_permissions() -> Answer {
    Answer::error(403, 50013, "Missing Permissions")
}

pub fn dm_channel() -> Answer {
    Answer::error(403, 50003, "Cannot execute action on a DM channel")
}

pub fn system_message() -> Answer {
    Answer::error(403, 50021, "Cannot execute action on a system message")
}

/// Discord says `Thread is archived` also of a thread that is locked as well.
pub fn archived_thread() -> Answer {
    Answer::error(400, 50083, "Thread is archived")
}

pub fn invalid_json() -> Answer {
    Answer::error(400, 50109, "The request body contains invalid JSON.")
}

pub fn not_a_snowflake(field: &str, value: &str) -> Answer {
    let message = format!("Value \"{value}\" is not snowflake.");
    Answer::form(field, "NUMBER_TYPE_COERCE", &message)
}

pub fn not_one_of(field: &str, allowed: &[&str]) -> Answer {
    let message = format!("Value must be one of {{'{}'}}.", allowed.join("', '"));
    Answer::form(field, "BASE_TYPE_CHOICES", &message)
}
